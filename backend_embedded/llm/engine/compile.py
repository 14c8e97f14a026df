"""Compiles an unpacked llama-cpp-python into a wheel; run as a file by the Python that has its build tools.

`engine_compile.py SOURCE_DIR WHEEL_DIR`; standard library and `scikit_build_core` only. Ends its compilers with
it: when the parent goes or SIGTERM comes, its whole process group is told to end.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

PARENT_DEATH_SIGNAL = 1
NICENESS = 10
"""The window and the tests come first while it compiles."""


def end_group(_signal: int, _frame: FrameType | None) -> None:
    """Ask all of the group to end (ninja then ends its compilers, which have groups of their own), then make it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)


def end_with_parent() -> None:
    """Have the system send SIGTERM when the parent dies, and obey it."""
    signal.signal(signal.SIGTERM, end_group)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)


def leave_out_common_library(source: Path) -> None:
    """Do not compile llama.cpp's library for its own programs: a third of the work, and nothing here uses it."""
    script = source / "CMakeLists.txt"
    text = script.read_text(encoding="utf-8")
    script.write_text(
        text.replace("LLAMA_BUILD_COMMON ON CACHE", "LLAMA_BUILD_COMMON OFF CACHE"), encoding="utf-8"
    )


def main() -> None:
    """Compile; the wheel's path is the file that is then in WHEEL_DIR."""
    end_with_parent()
    os.nice(NICENESS)
    source, wheels = Path(sys.argv[1]), Path(sys.argv[2])
    leave_out_common_library(source)
    os.chdir(source)
    hooks: Any = importlib.import_module("scikit_build_core.build")
    hooks.build_wheel(str(wheels), {"build-dir": str(source / "build"), "logging.level": "INFO"})


if __name__ == "__main__":
    main()
