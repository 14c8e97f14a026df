"""The sha256 of a file that is still being written: follows behind the bytes that are there."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable

CHUNK_BYTES = 4 * 1024 * 1024


class FollowingHash:
    """Hashes in a thread of its own, so that nothing is left to hash when the last byte came.

    It reads what is on the disk, and so also checks what an earlier run left there.

    Args:
        descriptor: the file, open for reading as long as this lives.
        frontier: bytes from the start that are there; called with `changed` held.
        changed: notified when there are more.
    """

    def __init__(self, descriptor: int, frontier: Callable[[], int], changed: threading.Condition) -> None:
        self._descriptor = descriptor
        self._frontier = frontier
        self._changed = changed
        self._hash = hashlib.sha256()
        self._at = 0
        self._end: int | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._follow, name="sha256")

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def finish(self, size: int, stopping: threading.Event) -> str:
        """The sha256 of the first `size` bytes, in hex; empty when `stopping` was set before the end."""
        with self._changed:
            self._end = size
            self._changed.notify_all()
            while self._thread.is_alive() and self._at < size and not stopping.is_set():
                self._changed.wait(0.5)
        return self._hash.hexdigest() if self._at == size else ""

    def abandon(self) -> None:
        """End the thread and wait for it."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        buffer = memoryview(bytearray(CHUNK_BYTES))
        while (count := self._ready(len(buffer))) > 0:
            count = os.preadv(self._descriptor, [buffer[:count]], self._at)
            if not count:
                return  # shorter than its record says: the hash will not be right
            self._hash.update(buffer[:count])
            with self._changed:
                self._at += count
                self._changed.notify_all()

    def _ready(self, most: int) -> int:
        """Bytes that can be hashed next, waiting for some; 0 at the end."""
        with self._changed:
            while not self._given_up:
                count = min(self._frontier() - self._at, most)
                if count > 0:
                    return count
                if self._end is not None and self._at >= self._end:
                    return 0
                self._changed.wait()
            return 0
