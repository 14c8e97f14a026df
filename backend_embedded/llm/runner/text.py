"""Bytes of tokens become text: whole characters only, and nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Text of one answer as it grows; however the bytes are split, the text is the same.

    Args:
        stops: strings before the first of which the text ends.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False
        """A stop string came; no more text will."""

    def feed(self, data: bytes) -> str:
        """Text that is sure after these bytes; what may be the start of a stop string is held back."""
        if self.stopped:
            return ""
        text = self._held + self._decoder.decode(data)
        if not self._stops:
            return text
        cut = self._first_stop(text)
        if cut is not None:
            self.stopped = True
            self._held = ""
            return text[:cut]
        keep = self._partial_length(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """The rest at the end of the answer; the bytes of half a character are dropped."""
        rest, self._held = self._held, ""
        return "" if self.stopped else rest

    def _first_stop(self, text: str) -> int | None:
        """Where the stop string that is complete first begins (of several, the longest)."""
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        return min(found)[1] if found else None

    def _partial_length(self, text: str) -> int:
        """Length of the longest end of `text` that is the start of a stop string."""
        longest = max(len(stop) for stop in self._stops) - 1
        for length in range(min(longest, len(text)), 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0
