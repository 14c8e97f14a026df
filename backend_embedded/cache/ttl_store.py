"""Bytes by key, each for a while, in a bounded share of memory: the least recently used go first."""

from __future__ import annotations

import heapq
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

ENTRY_BYTES = 250
"""What an entry costs besides its key and its data: objects, places in the table and in the heap."""
SLACK = 64


@dataclass(frozen=True, slots=True)
class _Entry:
    data: bytes
    ends_s: float
    cost_bytes: int


class TtlStore:
    """An ordered table, and a heap of when its entries end; not for more than one thread.

    Args:
        limit_bytes: what keys, data and their upkeep may take together.
        clock: seconds that only grow.
        evicted: told how many entries went to make room.
    """

    def __init__(
        self,
        limit_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        evicted: Callable[[int], None] = lambda entries: None,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._evicted = evicted
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._ends: list[tuple[float, str]] = []
        self.size_bytes = 0
        """Keys, data and upkeep of all entries."""

    def __len__(self) -> int:
        self._forget_ended()
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """The data, which is now the most recently used; None when it is not there or has ended."""
        entry = self._live(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.data

    def set(self, key: str, data: bytes, ttl_s: float) -> None:
        """Keep data for a while; what is larger than the whole store is not kept."""
        self._put(key, data, self._clock() + ttl_s)

    def replace(self, key: str, data: bytes) -> None:
        """Give an entry that is there other data; when it ends stays as it is."""
        entry = self._live(key)
        if entry is not None:
            self._put(key, data, entry.ends_s)

    def delete(self, key: str) -> bool:
        """Forget an entry; whether it was there."""
        there = self._live(key) is not None
        if there:
            self._drop(key)
        return there

    def keys(self, prefix: str) -> tuple[str, ...]:
        """The keys that begin so."""
        self._forget_ended()
        return tuple(key for key in self._entries if key.startswith(prefix))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._ends.clear()
        self.size_bytes = 0

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.ends_s <= self._clock():
            self._drop(key)
            return None
        return entry

    def _put(self, key: str, data: bytes, ends_s: float) -> None:
        if key in self._entries:
            self._drop(key)
        cost_bytes = len(data) + len(key) + ENTRY_BYTES
        if cost_bytes > self._limit_bytes:
            return
        self._forget_ended()
        self._make_room(cost_bytes)
        self._entries[key] = _Entry(data, ends_s, cost_bytes)
        self.size_bytes += cost_bytes
        heapq.heappush(self._ends, (ends_s, key))
        if len(self._ends) > 2 * len(self._entries) + SLACK:
            # Entries that were replaced or dropped leave their place in the heap behind.
            self._ends = [(entry.ends_s, key) for key, entry in self._entries.items()]
            heapq.heapify(self._ends)

    def _make_room(self, needed_bytes: int) -> None:
        gone = 0
        while self.size_bytes + needed_bytes > self._limit_bytes:
            self._drop(next(iter(self._entries)))
            gone += 1
        if gone:
            self._evicted(gone)

    def _forget_ended(self) -> None:
        now_s = self._clock()
        while self._ends and self._ends[0][0] <= now_s:
            _, key = heapq.heappop(self._ends)
            entry = self._entries.get(key)
            if entry is not None and entry.ends_s <= now_s:
                self._drop(key)

    def _drop(self, key: str) -> None:
        self.size_bytes -= self._entries.pop(key).cost_bytes
