"""One file on its way into the models folder: fetched or copied, watched and stopped the same way."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Protocol

from backend_embedded.contract.library import Download, DownloadState
from backend_embedded.library.progress import Speed
from backend_embedded.library.record import Record


class Stopped(Exception):
    """`stop` was called; what is there stays on the disk."""


class Work(Protocol):
    """What brings the bytes; `run` blocks in a thread."""

    def run(self) -> None:
        """Bring all bytes; raises `Stopped` or a ControlCenterError."""
        ...

    def stop(self) -> None:
        """End `run` soon."""
        ...


class Job:
    """One row of the list of downloads.

    Attributes:
        folder: models folder that it goes to.
        resumable: its record is on the disk and can be gone on with.
        task: what carries it out; None while nothing does.
        halting: it is to stop at the next file, if not before.
    """

    def __init__(self, record: Record, folder: Path, resumable: bool = True) -> None:
        self.record = record
        self.folder = folder
        self.resumable = resumable
        self.state = DownloadState.QUEUED
        self.work: Work | None = None
        self.task: asyncio.Task[None] | None = None
        self.halting = False
        self.told: Download | None = None
        self._speed = Speed()

    @property
    def busy(self) -> bool:
        """Something carries it out."""
        return self.task is not None and not self.task.done()

    def wire(self) -> Download:
        """As the API tells it."""
        record = self.record
        running = self.state is DownloadState.RUNNING
        size = record.total_bytes
        done = size if self.state is DownloadState.DONE else record.came_bytes + record.done_bytes
        if running:
            self._speed.note(time.monotonic(), done)
        left = size - done
        return Download(
            id=record.id,
            reference=record.reference,
            name=record.name,
            state=self.state,
            size_bytes=size,
            done_bytes=done,
            bytes_per_s=round(self._speed.bytes_per_s) if running else 0,
            remaining_s=self._speed.remaining_s(left) if running and size else None,
            started_at=datetime.fromisoformat(record.started_at),
            retries=record.retries,
            message=record.message,
            remedy=record.remedy,
        )

    def rest(self) -> None:
        """It is not under way any more: the rate begins anew."""
        self._speed = Speed()
