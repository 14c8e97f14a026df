"""Numbers by which a cached answer knows that what it tells has changed."""

from __future__ import annotations

import time
from collections.abc import Callable

SEEN_AFTER_S = 1.0
"""So long a change by another process may go unseen."""


class Versions:
    """A number for each kind of thing, another one after each change.

    Args:
        shared: whether other processes change the data too (PostgreSQL): numbers change with time as well.
        place: which data it is; the same in all processes that share it, and in no other.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        shared: Callable[[], bool] = lambda: False,
        place: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._place = place
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._all = 0

    def of(self, entity: str) -> tuple[int, int]:
        """The version now."""
        age = int(self._clock() / SEEN_AFTER_S) if self._shared() else 0
        return self._all + self._counts.get(entity, 0), age

    def bump(self, entity: str) -> None:
        """Something of this kind changed."""
        self._counts[entity] = self._counts.get(entity, 0) + 1

    def name(self, entity: str) -> str:
        """The name under which what was read of it may be kept, in a cache that others use too."""
        place = self._place()
        return f"{entity}~{place}" if place else entity

    def bump_all(self) -> None:
        """Everything may be different."""
        self._all += 1
