"""Carries jobs out: their work in threads, how far it is told, and at its end the file in its place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from backend_embedded.contract.events import DownloadChanged, Event
from backend_embedded.contract.library import DownloadState
from backend_embedded.errors import ControlCenterError
from backend_embedded.library.job import Job, Work
from backend_embedded.library.on_disk import step
from backend_embedded.library.record import FOLDER, part_file, write_record

log = logging.getLogger(__name__)

T = TypeVar("T")

TELL_S = 0.25


class Carrier:
    """The threads of all downloads.

    Args:
        at_once: jobs that are carried out at the same time.
        publish: takes events for the window.
        arrived: told when a model has come.

    Attributes:
        threads: for what blocks long.
    """

    def __init__(
        self, at_once: int, publish: Callable[[Event], None], arrived: Callable[[], Awaitable[None]]
    ) -> None:
        self._publish = publish
        self._arrived = arrived
        self.threads = ThreadPoolExecutor(at_once + 2, thread_name_prefix="downloads")
        self._files = ThreadPoolExecutor(1, thread_name_prefix="download files")

    def close(self) -> None:
        """End the threads; nothing is under way any more."""
        self.threads.shutdown()
        self._files.shutdown()

    async def run(self, job: Job, work: Work) -> None:
        """Run the work in a thread, telling how far it is; it is over when this returns or raises."""
        loop = asyncio.get_running_loop()
        job.work, job.state = work, DownloadState.RUNNING
        running = loop.run_in_executor(self.threads, work.run)
        interrupted = False
        try:
            while not running.done():
                try:
                    self.tell(job)
                    await asyncio.wait({running}, timeout=TELL_S)
                except asyncio.CancelledError:
                    interrupted = True
                    work.stop()
            if interrupted:
                running.exception()
                raise asyncio.CancelledError
            running.result()
        finally:
            job.work = None
            job.rest()

    async def arrive(self, job: Job, sha256: str) -> bool:
        """Give the file that came its place; whether another one follows."""
        record = job.record
        job.state = DownloadState.VERIFYING
        self.tell(job)
        if await self.on_disk(lambda: step(job, sha256)):
            return True
        job.state = DownloadState.DONE
        log.info("%s has come from %s", record.name, record.reference)
        await self._arrived()
        self.tell(job)
        return False

    async def fail(self, job: Job, error: ControlCenterError) -> None:
        """Note why it cannot go on."""
        record = job.record
        record.failed, record.message, record.remedy = True, error.message, error.remedy or ""
        if not part_file(job.folder / FOLDER, record.id).exists():
            record.segments = []  # a bad file was removed: it is fetched from the start
        log.info("The download of %s failed: %s", record.name, error.message)
        await self.end(job, DownloadState.FAILED, running=False)

    async def end(self, job: Job, state: DownloadState, running: bool) -> None:
        """Note that nothing carries it out any more, on the disk as well."""
        job.record.running = running
        with contextlib.suppress(OSError):  # what cannot be written now is found out again after a start
            await self.on_disk(lambda: write_record(job.folder / FOLDER, job.record))
        job.state = state
        self.tell(job)

    def tell(self, job: Job) -> None:
        """Publish what is different from what was last published."""
        download = job.wire()
        if download != job.told:
            job.told = download
            self._publish(DownloadChanged(download=download))

    async def on_disk(self, work: Callable[[], T]) -> T:
        """Do something with its files, one such thing after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._files, work)
