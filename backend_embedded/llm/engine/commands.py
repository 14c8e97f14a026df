"""Runs the commands of a build, one after the other, and keeps the last lines that they print."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable

TAIL_LINES = 30
LONGEST_LINE = 400


class Commands:
    """Commands, each in a process group of its own, that end with the one who waits for them.

    Args:
        heard: is told each line.

    Attributes:
        tail: the last lines of all of them.
    """

    def __init__(self, heard: Callable[[str], None]) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._heard = heard

    def run(self, command: list[str], environment: dict[str, str] | None = None) -> int:
        """Run a command in a process group of its own, keep what it prints; its exit status."""
        process = subprocess.Popen(
            command,
            env=child_environment() if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            with process.stdout:
                for line in process.stdout:
                    self._hear(line.rstrip())
            return process.wait()
        except BaseException:
            end_group_of(process)
            raise

    def _hear(self, line: str) -> None:
        if line:
            self.tail.append(line[:LONGEST_LINE])
            self._heard(line)


def child_environment() -> dict[str, str]:
    """This environment without what would send pip elsewhere or leave the engine's modules uncompiled."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def end_group_of(process: subprocess.Popen[str]) -> None:
    """End a child and all it started; ninja gets the time to end its compilers."""
    for number, patience_s in ((signal.SIGTERM, 1.5), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
