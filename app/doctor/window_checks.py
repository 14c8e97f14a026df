"""Checks of what the window needs: Python, Qt, system libraries, fonts, a display."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.doctor.check import DEGRADED, DOWN, OK, Finding

OLDEST_PYTHON = (3, 11)
QT_IMPORT_S = 30
_QT_PROBE = """
import sys, PySide6
from PySide6 import QtGui, QtWidgets
before = sys.getrefcount(None)
objects = [QtGui.QStandardItem() for _ in range(3)]
for _ in range(300):
    objects[0].setText("x")
print(PySide6.__version__, "stolen" if sys.getrefcount(None) < before - 100 else "sound")
"""

# what the loader must find, and Debian's package of it
LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
}


def python_version() -> Finding:
    """Whether this Python is new enough."""
    found = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("python", DOWN, f"Python {found} is too old.", "Install Python 3.11 or newer.")
    return Finding("python", OK, f"Python {found} at {sys.executable}.")


def qt() -> Finding:
    """Whether Qt can be imported, and is no version that breaks this Python."""
    remedy = f"{sys.executable} -m pip install 'PySide6-Essentials>=6.11.1,<6.12'"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _QT_PROBE],
            capture_output=True,
            text=True,
            timeout=QT_IMPORT_S,
            check=False,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "qt", DOWN, f"Importing Qt took longer than {QT_IMPORT_S} s.", "Look at the disk's health."
        )
    words = done.stdout.split()
    if done.returncode or len(words) != 2:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Finding("qt", DOWN, f"Qt cannot be imported: {last}", remedy)
    version, references = words
    if references == "stolen" or (version.startswith("6.12.") and sys.version_info < (3, 12)):
        return Finding("qt", DOWN, f"PySide6 {version} crashes Python {platform.python_version()}.", remedy)
    return Finding("qt", OK, f"PySide6 {version}.")


def system_libraries() -> Finding:
    """Whether the loader finds what Qt opens at run time."""
    if not sys.platform.startswith("linux"):
        return Finding("libraries", OK, "Qt brings its own on this system.")
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if missing:
        return Finding(
            "libraries",
            DOWN,
            f"The window cannot be shown: missing {', '.join(missing)}.",
            f"sudo apt-get install {' '.join(missing)}",
        )
    return Finding("libraries", OK, f"All {len(LIBRARIES)} system libraries are there.")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def fonts() -> Finding:
    """Whether there is a font to write with."""
    bundled = Path(__file__).parents[2] / "resources" / "fonts"
    count = sum(1 for suffix in ("*.ttf", "*.otf") for _ in bundled.glob(suffix))
    if count:
        return Finding("fonts", OK, f"{count} fonts are on board.")
    if any(Path("/usr/share/fonts").rglob("*.?tf")):
        return Finding(
            "fonts", DEGRADED, "The fonts on board are missing; the system's are used.", "Install again."
        )
    return Finding(
        "fonts", DOWN, "There is no font: every letter would be a box.", "Install the program again."
    )


def display(environment: Mapping[str, str]) -> Finding:
    """Whether there is a screen to show the window on."""
    for variable in ("WAYLAND_DISPLAY", "DISPLAY"):
        if environment.get(variable):
            return Finding("display", OK, f"{variable}={environment[variable]}")
    if not sys.platform.startswith("linux"):
        return Finding("display", OK, "The system's own.")
    if plugin := environment.get("QT_QPA_PLATFORM"):
        return Finding("display", OK, f"Qt draws with its plugin {plugin}.")
    return Finding(
        "display",
        DEGRADED,
        "There is no display: the window cannot be shown; the commands work.",
        "Log in on a desktop, or use xvfb-run.",
    )
