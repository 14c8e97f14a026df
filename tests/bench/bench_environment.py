"""An environment of its own for the one package that only the bench needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "packaging" / "requirements-bench.txt"
FOLDER = ROOT / "build" / "bench-venv"


def reference_python() -> str | None:
    """The Python that has llama.cpp's own server; None, with the reason printed, when it cannot be had."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / "pins"
    if stamp.exists() and stamp.read_text() == PINS.read_text():
        return str(python)
    commands = (
        [sys.executable, "-m", "venv", "--without-pip", "--clear", str(FOLDER)],
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--require-hashes",
            "-r",
            str(PINS),
        ],
    )
    for command in commands:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            print("bench: without llama.cpp's own server:", (done.stderr or done.stdout).strip()[-300:])
            return None
    stamp.write_text(PINS.read_text())
    return str(python)
