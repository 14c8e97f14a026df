"""Finds the versions and licences of what the program is made of."""

from __future__ import annotations

import platform
from importlib import metadata

from ui.settings.state import About, Component

PARTS = (
    ("llama.cpp for Python", "llama-cpp-python", "MIT"),
    ("Qt for Python", "PySide6-Essentials", "LGPL-3.0"),
    ("FastAPI", "fastapi", "MIT"),
    ("SQLAlchemy", "sqlalchemy", "MIT"),
    ("Alembic", "alembic", "MIT"),
    ("aiosqlite", "aiosqlite", "MIT"),
    ("pydantic", "pydantic", "MIT"),
    ("HTTPX", "httpx", "BSD-3-Clause"),
    ("Uvicorn", "uvicorn", "BSD-3-Clause"),
    ("qasync", "qasync", "BSD-2-Clause"),
    ("Jinja", "jinja2", "BSD-3-Clause"),
    ("Pygments", "pygments", "BSD-2-Clause"),
    ("NumPy", "numpy", "BSD-3-Clause"),
    ("psutil", "psutil", "BSD-3-Clause"),
)
"""Name for people, name of the package, licence."""
DATA = (
    Component("SmolLM2 135M Instruct", "", "Apache-2.0"),
    Component("Inter", "4.1.1", "OFL-1.1"),
    Component("JetBrains Mono", "2.242", "OFL-1.1"),
    Component("Lucide icons", "1.62", "ISC, parts MIT"),
)


def read_about(version: str) -> About:
    """Versions of Python and the parts that are installed, beside the program's. Reads many small files."""
    parts = [Component(name, version_of(package), licence) for name, package, licence in PARTS]
    there = [part for part in parts if part.version]
    return About(version, platform.python_version(), (*there, *DATA))


def version_of(package: str) -> str:
    """The version of an installed package; empty when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
