"""How fast a download is, and how long it will still take."""

from __future__ import annotations

from collections import deque

WINDOW_S = 5.0


class Speed:
    """The rate over the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now_s: float, done_bytes: int) -> None:
        """Take a sample; a file that starts over is measured anew."""
        if self._samples and done_bytes < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now_s, done_bytes))
        while now_s - self._samples[0][0] > WINDOW_S and len(self._samples) > 2:
            self._samples.popleft()

    @property
    def bytes_per_s(self) -> float:
        """0 while there is too little to tell."""
        if len(self._samples) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    def remaining_s(self, left_bytes: int) -> float | None:
        """Seconds until the rest is there; None while nobody can tell."""
        rate = self.bytes_per_s
        return left_bytes / rate if rate > 0 else None
