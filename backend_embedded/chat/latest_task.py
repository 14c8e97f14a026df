"""Work that nobody waits for: one piece at a time, the newest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class LatestTask:
    """What is done beside the answers; an older piece is given up for a newer one.

    Args:
        name: of the task.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more is begun."""
        return self._closed

    def begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this, and nothing older."""
        self.give_up()
        if not self._closed:
            task = asyncio.create_task(self._do(work), name=self._name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def give_up(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()

    async def settled(self) -> None:
        """Return when nothing is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Give up what is under way, for good."""
        self._closed = True
        self.give_up()
        await self.settled()

    async def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("The task “%s” failed in a way that nobody expected", self._name)
