"""Whether the engine is a part of this Python, without importing it. Standard library only."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util


def engine_is_installed() -> bool:
    """Whether `llama_cpp` can be imported, without importing it."""
    importlib.invalidate_caches()
    return importlib.util.find_spec("llama_cpp") is not None


def installed_version() -> str | None:
    """The version of the engine in this Python, None without one; imports nothing of it."""
    if not engine_is_installed():
        return None
    try:
        return importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return None
