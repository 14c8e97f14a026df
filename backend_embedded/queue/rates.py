"""Counts what happens to messages: for the routes the rate of the last seconds, for the metrics the sum."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from backend_embedded.contract.queue import QueueName

WINDOW_S = 10.0
BUCKETS_PER_S = 2
Counted = Callable[[QueueName, str], None]
"""Told of each message: its queue and `published`, `handled`, `rejected`, `requeued`."""


class Rates:
    """Counts per queue and kind, kept for ten seconds.

    Args:
        counted: told of each message too.
        clock: seconds that only grow.
    """

    def __init__(self, counted: Counted | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._counted = counted
        self._clock = clock
        self._buckets: dict[tuple[QueueName, str], deque[list[int]]] = {}

    def count(self, queue: QueueName, kind: str) -> None:
        """One more message."""
        bucket = int(self._clock() * BUCKETS_PER_S)
        buckets = self._buckets.setdefault((queue, kind), deque(maxlen=int(WINDOW_S * BUCKETS_PER_S)))
        if buckets and buckets[-1][0] == bucket:
            buckets[-1][1] += 1
        else:
            buckets.append([bucket, 1])
        if self._counted is not None:
            self._counted(queue, kind)

    def per_s(self, queue: QueueName, kind: str) -> float:
        """Messages per second over the window."""
        oldest = (self._clock() - WINDOW_S) * BUCKETS_PER_S
        counts = (count for bucket, count in self._buckets.get((queue, kind), ()) if bucket > oldest)
        return sum(counts) / WINDOW_S
