"""Models that an Ollama server fetches for itself; they are shown as downloads and held by hanging up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.library import Download, DownloadState
from ui.client.port import ClientError

if TYPE_CHECKING:
    from backend_embedded.contract.ollama import OllamaProgress
    from ui.models.port import Library

PREFIX = "ollama-server:"
TELL_EACH_S = 0.25
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


def is_server_pull(download_id: str) -> bool:
    """Whether a download is the Ollama server's own."""
    return download_id.startswith(PREFIX)


class OllamaPulls:
    """Carries pulls out; hanging up holds one, and the server keeps the parts that came.

    Args:
        backend: where the server is reached.
        put: shows a download.
        spawn: starts a task that ends with the page's work.
        clock: time in seconds, to measure the speed.
    """

    def __init__(
        self,
        backend: Library,
        put: Callable[[Download], None],
        spawn: Spawn,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend, self._put, self._spawn, self._clock = backend, put, spawn, clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._known: dict[str, Download] = {}

    def begin(self, name: str) -> None:
        """Have the server fetch a model, or go on with it."""
        key = PREFIX + name
        task = self._tasks.get(key)
        if task is not None and not task.done():
            return
        kept = self._known.get(key) or Download(
            id=key, reference=name, name=name, state=DownloadState.QUEUED, started_at=datetime.now(UTC)
        )
        again = {"state": DownloadState.RUNNING, "message": "", "remedy": "", "bytes_per_s": 0.0}
        self._tell(kept.model_copy(update=again))
        self._tasks[key] = self._spawn(self._pull(key))

    def hold(self, key: str) -> None:
        """Hang up; what came stays with the server."""
        self._hang_up(key)
        if key in self._known:
            self._tell(self._known[key].model_copy(update={"state": DownloadState.PAUSED}))

    def resume(self, key: str) -> None:
        """Go on."""
        self.begin(key.removeprefix(PREFIX))

    def cancel(self, key: str) -> None:
        """Hang up and forget it."""
        self._hang_up(key)
        self._known.pop(key, None)

    def _hang_up(self, key: str) -> None:
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    async def _pull(self, key: str) -> None:
        began_s = told_s = self._clock()
        parts: dict[str, tuple[int, int]] = {}
        first = -1
        try:
            async with aclosing(self._backend.pull_ollama_model(key.removeprefix(PREFIX))) as events:
                async for event in events:
                    done = _counted(parts, event)
                    first = done if first < 0 and parts else first
                    now_s = self._clock()
                    if now_s - told_s >= TELL_EACH_S:
                        told_s = now_s
                        self._progress(key, parts, max(0, done - first) / max(0.001, now_s - began_s))
        except ClientError as error:
            self._end(key, DownloadState.FAILED, error.body.message, error.body.remedy or "")
        else:
            self._progress(key, parts, 0)
            self._end(key, DownloadState.DONE)

    def _progress(self, key: str, parts: dict[str, tuple[int, int]], speed: float) -> None:
        done, whole = (sum(part[side] for part in parts.values()) for side in (0, 1))
        left = (whole - done) / speed if speed > 0 else None
        fields = {"done_bytes": done, "size_bytes": whole, "bytes_per_s": speed, "remaining_s": left}
        self._tell(self._known[key].model_copy(update=fields))

    def _end(self, key: str, state: DownloadState, message: str = "", remedy: str = "") -> None:
        fields = {"state": state, "message": message, "remedy": remedy}
        self._tell(self._known[key].model_copy(update=fields))

    def _tell(self, download: Download) -> None:
        self._known[download.id] = download
        self._put(download)


def _counted(parts: dict[str, tuple[int, int]], event: OllamaProgress) -> int:
    """Note how much of a part came; returns how much came of all."""
    if event.digest and event.total_bytes:
        parts[event.digest] = (event.completed_bytes, event.total_bytes)
    return sum(done for done, _ in parts.values())
