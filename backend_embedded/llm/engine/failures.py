"""Why the engine cannot be had, in words that say what to do."""

from __future__ import annotations

import re
from pathlib import Path

SPACE_NEEDED_BYTES = 900_000_000
"""Source package, unpacked source, objects and wheel together."""
NO_SPACE = "No space left on device"
NO_NETWORK = re.compile(
    r"name resolution|Max retries|NewConnectionError|Connection(?: refused| reset|Error)|unreachable|timed out"
    r"|Could not find a version|No matching distribution|ProxyError|getaddrinfo"
)


class BuildError(Exception):
    """The engine cannot be had; `failure` is a value of `contract.models.BuildFailure`."""

    def __init__(self, failure: str, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message


def no_compiler(why: str) -> BuildError:
    """The failure of a machine without a C++ compiler."""
    return BuildError(
        "no_compiler",
        f"No C++ compiler: {why} Install one (sudo apt-get install g++) and build again.",
    )


def disk_full(folder: Path, free_bytes: int) -> BuildError:
    """The failure of a machine without room."""
    return BuildError(
        "disk_full",
        f"The disk is full: building needs {SPACE_NEEDED_BYTES / 1e6:.0f} MB in {folder}, "
        f"{free_bytes / 1e6:.0f} MB are free. Make room and build again.",
    )


def no_source(folder: Path) -> BuildError:
    """The failure of a machine without a network, which never fetched the source before."""
    return BuildError(
        "no_source",
        "The engine's source could not be fetched: no network, and no copy in the cache "
        f"({folder}). Connect once and build again.",
    )


def no_cmake() -> BuildError:
    """The failure of a machine that has no cmake and cannot fetch it."""
    return BuildError(
        "no_cmake",
        "cmake is missing and could not be fetched. Install it (sudo apt-get install cmake ninja-build) "
        "and build again.",
    )


def told_by(text: str, message: str) -> BuildError:
    """The failure that the last lines of a command tell of; `message` when they tell nothing that is known."""
    if "CMAKE_CXX_COMPILER" in text or "No CMAKE_C_COMPILER" in text:
        return no_compiler("cmake found none that works.")
    if "Killed signal terminated program" in text:
        return BuildError(
            "other", "The compiler was killed, most likely for want of memory. Close programs, retry."
        )
    return BuildError("other", f"{message} The last lines say why.")
