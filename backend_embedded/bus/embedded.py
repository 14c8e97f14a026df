"""The event log in memory: one ring that all subscribers read at their own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable

from backend_embedded.contract.events import Event, Snapshot

KEPT_EVENTS = 2_000


class RingEventLog:
    """Keeps the last events; a subscriber is a place in the ring, so a slow one costs nothing.

    A subscriber whose place has left the ring has a gap: it gets a snapshot and goes on from there.

    Args:
        run_id: names this run; ids of other runs are not known here.
        snapshot: makes the whole state, for new subscribers and after gaps.
        kept: events in the ring.
    """

    def __init__(
        self, run_id: str, snapshot: Callable[[], Awaitable[Snapshot]], kept: int = KEPT_EVENTS
    ) -> None:
        self._run_id = run_id
        self._snapshot = snapshot
        self._ring: deque[Event] = deque(maxlen=kept)
        self._last = 0
        self._wakes: set[asyncio.Event] = set()
        self._closed = False

    @property
    def subscribers(self) -> int:
        """How many subscriptions are open."""
        return len(self._wakes)

    def publish(self, event: Event) -> None:
        """Number the event and wake the subscribers."""
        self._last += 1
        self._ring.append(event)
        self._wake_all()

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        self._wake_all()

    async def subscribe(self, last_id: str | None = None) -> AsyncGenerator[tuple[str, Event], None]:
        """Stream `(id, event)` after `last_id`, with a snapshot first where there is a gap."""
        place = self._place(last_id)
        wake = asyncio.Event()
        self._wakes.add(wake)
        try:
            while not self._closed:
                if place is None or place < self._first - 1:
                    # The number is taken before the snapshot is made: what happens meanwhile is sent
                    # again after it, and events say states, so that hearing one twice does no harm.
                    place = self._last
                    yield self._id(place), await self._snapshot()
                elif place < self._last:
                    place += 1
                    yield self._id(place), self._ring[place - self._first]
                else:
                    wake.clear()
                    await wake.wait()
        finally:
            self._wakes.discard(wake)

    @property
    def _first(self) -> int:
        return self._last - len(self._ring) + 1

    def _place(self, last_id: str | None) -> int | None:
        """The number that an id of this run stands for; None when there is nothing to resume from."""
        run_id, _, number = (last_id or "").rpartition(":")
        if run_id != self._run_id or not (number.isascii() and number.isdigit()):
            return None
        place = int(number)
        return place if self._first - 1 <= place <= self._last else None

    def _id(self, number: int) -> str:
        return f"{self._run_id}:{number}"

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()
