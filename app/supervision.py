"""Keeps one backend for a home: takes the one that serves, else starts one, and starts it again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.child import READY_S, BackendChild, StartFailure, start_backend
from app.living_backend import Address, living_backend, process_lives
from app.paths import HomePaths

SOUND_LIFE_S = 5.0
"""A backend that served this long and ended is started again at once."""
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
WATCH_S = 0.5
"""How often a backend that is not our child is looked at."""


@dataclass(frozen=True, slots=True)
class Starting:
    """A backend is being started."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A backend serves.

    Attributes:
        address: where.
        owned: it is our child, and ends with us.
    """

    address: Address
    owned: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no backend.

    Attributes:
        reason: what happened, a sentence.
        retry_at_s: time of the loop's clock of the next try.
        tries: failures in a row.
        lines: last lines of its stderr.
    """

    reason: str
    retry_at_s: float
    tries: int
    lines: tuple[str, ...] = ()


BackendState = Starting | Serving | Lost


def delay_s(failures: int) -> float:
    """How long to wait after so many failures in a row: not at all after the first, then doubling."""
    return 0.0 if failures <= 1 else min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 2, 16))


class Supervisor:
    """Runs until it is stopped; a task of the loop that made it.

    Args:
        paths: the home.
        command: the backend's command.
        on_state: told each change; must not block.
        ready_s: time-out of a start.
        sound_life_s: see SOUND_LIFE_S.
    """

    def __init__(
        self,
        paths: HomePaths,
        command: Sequence[str],
        on_state: Callable[[BackendState], None],
        *,
        ready_s: float = READY_S,
        sound_life_s: float = SOUND_LIFE_S,
        find_living: Callable[[HomePaths], Awaitable[Address | None]] = living_backend,
    ) -> None:
        self._paths = paths
        self._command = tuple(command)
        self._on_state = on_state
        self._ready_s = ready_s
        self._sound_life_s = sound_life_s
        self._find_living = find_living
        self._failures = 0
        self._retry = asyncio.Event()

    def retry_now(self) -> None:
        """Do not wait for the next try."""
        self._retry.set()

    async def run(self) -> None:
        """Keep a backend; when cancelled, end the one that is ours and return."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                self._on_state(Starting())
                reason, lines = await self._serve_once()
                await self._wait(reason, lines)

    async def _serve_once(self) -> tuple[str, tuple[str, ...]]:
        """From no backend to no backend; why it went and its last lines."""
        living = await self._find_living(self._paths)
        if living is not None:
            return await self._attached(living)
        try:
            child = await start_backend(self._paths, self._command, ready_s=self._ready_s)
        except StartFailure as failure:
            self._failures += 1
            # another one was quicker: the next round finds it
            return failure.reason, failure.lines
        return await self._owned(child)

    async def _attached(self, address: Address) -> tuple[str, tuple[str, ...]]:
        self._failures = 0
        self._on_state(Serving(address, owned=False))
        await _ended_elsewhere(address.pid)
        return "The backend that served this home has ended.", ()

    async def _owned(self, child: BackendChild) -> tuple[str, tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            self._on_state(Serving(child.address, owned=True))
            reason = await child.ended()
        finally:
            await child.stop()
        lived_soundly = loop.time() - began_s >= self._sound_life_s
        self._failures = 1 if lived_soundly else self._failures + 1
        return reason, await child.last_lines()

    async def _wait(self, reason: str, lines: tuple[str, ...]) -> None:
        wait_s = delay_s(self._failures)
        self._retry.clear()
        retry_at_s = asyncio.get_running_loop().time() + wait_s
        self._on_state(Lost(reason, retry_at_s, self._failures, lines))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._retry.wait()


async def _ended_elsewhere(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    while True:
        await asyncio.sleep(WATCH_S)
        if not process_lives(pid):
            return
