"""Reads and writes files of this machine on a thread of its own, so that nothing on the page waits for a disk."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LARGEST_BYTES = 64 * 1024 * 1024
"""A larger attachment is not even read; the backend's own limit is lower and says so itself."""


class Disk:
    """Owns one thread, from its first use until `close`."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def read(self, path: str, most_bytes: int | None = None) -> bytes:
        """The bytes of a file.

        Raises:
            OSError: it cannot be read, is no file, or is larger than `most_bytes`.
        """
        return await asyncio.get_running_loop().run_in_executor(self._owned(), _read, path, most_bytes)

    async def write(self, path: str, data: bytes) -> None:
        """Write a file, over an old one.

        Raises:
            OSError: it cannot be written.
        """
        await asyncio.get_running_loop().run_in_executor(self._owned(), Path(path).write_bytes, data)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None

    def _owned(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="chat-files")
        return self._thread


def _read(path: str, most_bytes: int | None) -> bytes:
    size = Path(path).stat().st_size
    if most_bytes is not None and size > most_bytes:
        raise OSError(0, f"The file has {size / 1e6:.0f} MB; {most_bytes / 1e6:.0f} MB are the most.")
    return Path(path).read_bytes()
