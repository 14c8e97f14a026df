"""A time limit for calls to a server that does many at once: it runs out only when the server does none of them."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Progress:
    """When a server last did something.

    Args:
        limit_s: how long it may do nothing.
        longest_s: how long one call may take, whatever else it does.
    """

    def __init__(self, limit_s: float, longest_s: float) -> None:
        self.limit_s = limit_s
        self.longest_s = longest_s
        self.latest_s = 0.0

    def made(self) -> None:
        """It did something."""
        self.latest_s = asyncio.get_running_loop().time()

    def limit(self) -> QuietLimit:
        """A limit for one call: `async with`; TimeoutError when it runs out."""
        return QuietLimit(self)


class QuietLimit:
    """The limit of one call."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._timeout = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._timer = self._loop.call_at(self._began_s + progress.limit_s, self._look)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if kind is None:
            self._progress.made()
        await self._timeout.__aexit__(kind, error, trace)

    def _look(self) -> None:
        progress, now = self._progress, self._loop.time()
        quiet_until = max(self._began_s, progress.latest_s) + progress.limit_s
        until = min(quiet_until, self._began_s + progress.longest_s)
        if until <= now:
            self._timeout.reschedule(now)
        else:
            self._timer = self._loop.call_at(until, self._look)
