"""What a child prints on stderr: its last lines in memory, all of it in a file of bounded size."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from pathlib import Path

KEPT_LINES = 200
LARGEST_FILE_BYTES = 1_000_000


class StderrLog:
    """Reads the stderr of one child in a thread that ends with the child. Made while a loop runs.

    Args:
        file: where the lines go; the one before is kept as `<name>.1` when it has grown too large.
        largest_bytes: size from which a new file is begun.
    """

    def __init__(self, file: Path, largest_bytes: int = LARGEST_FILE_BYTES) -> None:
        self._file = file
        self._largest_bytes = largest_bytes
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._read_end, self.descriptor = os.pipe()
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="backend-stderr", daemon=True)

    def follow(self) -> None:
        """Begin to read; the child has its end of the pipe now, ours is closed."""
        os.close(self.descriptor)
        self._thread.start()

    def discard(self) -> None:
        """Close both ends: there is no child."""
        os.close(self.descriptor)
        os.close(self._read_end)

    def lines(self) -> tuple[str, ...]:
        """The last lines."""
        return tuple(self._lines.copy())

    async def whole_lines(self, patience_s: float = 0.5) -> tuple[str, ...]:
        """The last lines of a child that has ended: waits a moment for the end of the pipe."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._ended.wait()
        return self.lines()

    def _run(self) -> None:
        with os.fdopen(self._read_end, "rb") as pipe:
            for line in pipe:
                text = line.decode("utf-8", "replace").rstrip()
                self._lines.append(text)
                # the pipe must be read to its end whatever the disk does, or the child would stand still
                with contextlib.suppress(OSError):
                    self._keep(text)
        self._tell_end()

    def _keep(self, text: str) -> None:
        if self._file.exists() and self._file.stat().st_size > self._largest_bytes:
            self._file.replace(self._file.with_name(self._file.name + ".1"))
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")

    def _tell_end(self) -> None:
        # the loop is closed when the window went first
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)
