"""A clock that stands still while the machine keeps those waiting that want to work: promises are kept by it.

The kernel tells for how long something waited for a core or the disk (`/proc/pressure`), and for how long the host
kept a core for itself (`steal` in `/proc/stat`). Where it tells nothing this is the plain clock. So a promise in
seconds is held to the second on a machine that has the time, and does not break on one that other work is on.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PROC = Path("/proc")
STEAL = 8
"""Its place in the first line of `/proc/stat`."""
LONGEST = 20
"""So many times its limit a deadline waits by the plain clock, and then no longer."""


def kept_waiting_s(proc: Path = PROC) -> float:
    """Seconds since the machine began in which something had to wait for it."""
    waited_s = 0.0
    for resource in ("cpu", "io"):
        with suppress(OSError, ValueError, IndexError):
            some = (proc / "pressure" / resource).read_text().splitlines()[0]
            waited_s += int(some.rpartition("total=")[2]) / 1_000_000
    with suppress(OSError, ValueError, IndexError):
        ticks = int((proc / "stat").read_text().split(None, STEAL + 1)[STEAL])
        waited_s += ticks / os.sysconf("SC_CLK_TCK")
    return waited_s


def own_s() -> float:
    """This clock's time, in seconds; only differences mean anything."""
    return time.monotonic() - kept_waiting_s()


class Deadline:
    """A time that passes by this clock.

    Args:
        limit_s: from now; by the plain clock it may take up to LONGEST times that, and a minute at least.
    """

    def __init__(self, limit_s: float) -> None:
        self._own_s = own_s() + limit_s
        self._latest_s = time.monotonic() + max(60.0, LONGEST * limit_s)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        now_s = time.monotonic()
        return now_s > self._latest_s or now_s - kept_waiting_s() > self._own_s


async def soon(what: Awaitable[T], limit_s: float) -> T:
    """The result of `what`; AssertionError when it takes longer than so many seconds of this clock."""
    deadline, task = Deadline(limit_s), asyncio.ensure_future(what)
    try:
        while not task.done():
            assert not deadline.passed, f"not within {limit_s} s"
            await asyncio.wait([task], timeout=0.02)
        return task.result()
    finally:
        task.cancel()


def ends(process: subprocess.Popen[bytes], within_s: float) -> int:
    """Exit status of a process; AssertionError when it lives longer than so many seconds of this clock."""
    deadline = Deadline(within_s)
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(0.05)
        assert not deadline.passed, f"it did not end within {within_s} s"
