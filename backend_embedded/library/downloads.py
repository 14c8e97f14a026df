"""All downloads of a home: begun, paused, gone on with and cancelled; what the disk says is what counts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self
from uuid import uuid4

from backend_embedded.contract.events import DownloadChanged, Event
from backend_embedded.contract.library import Download, DownloadState
from backend_embedded.errors import Conflict, ControlCenterError, NotFound
from backend_embedded.library.carrying import Carrier
from backend_embedded.library.fetcher import Fetcher, Limits
from backend_embedded.library.importing import Copy, check_import
from backend_embedded.library.job import Job, Stopped
from backend_embedded.library.offer import file_name
from backend_embedded.library.on_disk import begin, left_in, prepare, remove_all
from backend_embedded.library.record import (
    FOLDER,
    Record,
    forget,
    record_of,
)
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.transport import Transport

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Downloads under way at the same time; others wait."""


class Downloads:
    """Open it with `async with`: what was going on when the program was killed goes on.

    Args:
        folder: models folder as it is set now.
        resolver: turns names into addresses.
        transport: makes connections with the settings as they are now.
        publish: takes events for the window.
        arrived: told when a model has come.
    """

    def __init__(
        self,
        folder: Callable[[], Path],
        resolver: Resolver,
        transport: Callable[[], Transport],
        publish: Callable[[Event], None],
        arrived: Callable[[], Awaitable[None]],
        limits: Limits | None = None,
    ) -> None:
        self._folder = folder
        self._resolver = resolver
        self._transport = transport
        self._publish = publish
        self._limits = limits or Limits()
        self._jobs: dict[str, Job] = {}
        self._tokens: dict[str, str] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._beginning = asyncio.Lock()
        self._carrier = Carrier(AT_ONCE, publish, arrived)

    async def __aenter__(self) -> Self:
        folder = self._folder()
        for record in await self._carrier.on_disk(lambda: left_in(folder)):
            job = Job(record, folder)
            self._jobs[record.id] = job
            if record.running:
                self._go_on(job)
            else:
                job.state = DownloadState.FAILED if record.failed else DownloadState.PAUSED
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop all; those that were going on will go on at the next start."""
        busy = [job for job in self._jobs.values() if job.busy and job.task]
        for job in busy:
            assert job.task is not None
            job.task.cancel()
        await asyncio.gather(*(job.task for job in busy if job.task), return_exceptions=True)
        self._carrier.close()

    def list(self) -> tuple[Download, ...]:
        """All that are known, the oldest first."""
        jobs = sorted(self._jobs.values(), key=lambda job: job.record.started_at)
        return tuple(job.wire() for job in jobs)

    async def pull(self, reference: str, name: str | None = None) -> Download:
        """Begin to fetch a model; one that is on its way already is gone on with.

        Raises:
            InvalidInput, NotFound, DownloadFailed: as the registry says.
            Conflict: there is a model of that name.
        """
        loop = asyncio.get_running_loop()
        offer = await loop.run_in_executor(self._carrier.threads, self._resolver.offer, reference)
        wanted = file_name(name.removesuffix(".gguf")) if name else offer.name
        record = record_of(offer, uuid4().hex, wanted, datetime.now(UTC).isoformat())
        async with self._beginning:  # of two who ask for one model at once, one begins it
            known = self._under_way(record)
            if known is not None:
                return await self.resume(known.record.id)
            job = Job(record, self._folder())
            await self._carrier.on_disk(lambda: prepare(job))
            self._tokens[record.id] = offer.token
            self._jobs[record.id] = job
            self._go_on(job)
        return job.wire()

    def _under_way(self, record: Record) -> Job | None:
        """The same download, if it was begun. Raises Conflict when it is another of that name."""
        for job in self._jobs.values():
            if job.record.name == record.name and job.state is not DownloadState.DONE:
                if job.record.reference != record.reference:
                    raise Conflict(
                        f"Another download is called {record.name} already.", remedy="Give another name."
                    )
                return job
        return None

    async def bring(self, path: str, name: str | None, move: bool) -> Download:
        """Begin to copy or move a GGUF file of this machine into the models folder.

        Raises:
            InvalidInput, ModelFileInvalid, ModelUnsupported: the file cannot be used.
            Conflict: there is a model of that name.
            DownloadFailed: the disk has no room for it.
        """
        source, folder = Path(path), self._folder()
        wanted = file_name((name or source.name).removesuffix(".gguf"))
        size = await self._carrier.on_disk(lambda: check_import(source))
        record = Record(
            id=uuid4().hex,
            reference=str(source),
            name=wanted,
            url="",
            started_at=datetime.now(UTC).isoformat(),
            size_bytes=size,
        )
        job = Job(record, folder, resumable=False)
        await self._carrier.on_disk(lambda: prepare(job, move=move))
        self._jobs[record.id] = job
        copy = Copy(record, source, folder / FOLDER, move)
        job.task = asyncio.create_task(self._carry_out_copy(job, copy), name=f"import {wanted}")
        self._carrier.tell(job)
        return job.wire()

    async def pause(self, download_id: str) -> Download:
        """Stop it; what came stays. One that is not under way is left alone."""
        job = self._job(download_id)
        if job.busy and not job.resumable:
            raise Conflict("An import cannot be paused.", remedy="Cancel it, or wait for its end.")
        await self._halt(job)
        return job.wire()

    async def resume(self, download_id: str) -> Download:
        """Go on where it was."""
        job = self._job(download_id)
        if not job.busy and job.resumable and job.state is not DownloadState.DONE:
            self._go_on(job)
        return job.wire()

    async def cancel(self, download_id: str) -> None:
        """End it and remove what came of it; one that is done is taken off the list."""
        job = self._job(download_id)
        await self._halt(job)
        done = job.state is DownloadState.DONE
        await self._carrier.on_disk(
            lambda: forget(job.folder / FOLDER, download_id) if done else remove_all(job)
        )
        self._jobs.pop(download_id, None)
        self._publish(DownloadChanged(download=job.wire(), removed=True))

    # -- carrying out -----------------------------------------------------------------------------

    def _go_on(self, job: Job) -> None:
        job.state, job.halting = DownloadState.QUEUED, False
        job.record.running, job.record.failed = True, False
        job.record.message = job.record.remedy = ""
        job.task = asyncio.create_task(self._carry_out(job), name=f"download {job.record.name}")
        self._carrier.tell(job)

    async def _carry_out(self, job: Job) -> None:
        record, parts = job.record, job.folder / FOLDER
        try:
            async with self._slots:
                more = True
                while more:
                    await self._carrier.on_disk(lambda: begin(job))
                    if job.halting:
                        raise Stopped
                    fetcher = Fetcher(
                        record,
                        parts,
                        self._transport(),
                        self._limits,
                        self._tokens.get(record.id, ""),
                        partial(self._new_token, record.reference),
                    )
                    await self._carrier.run(job, fetcher)
                    more = await self._carrier.arrive(job, fetcher.sha256)
        except Stopped:
            await self._carrier.end(job, DownloadState.PAUSED, running=False)
        except asyncio.CancelledError:
            if job.state is not DownloadState.DONE:  # by `pause` before it began, or at the program's end
                job.state = DownloadState.PAUSED
            raise
        except ControlCenterError as error:
            await self._carrier.fail(job, error)
        except Exception as error:
            log.exception("The download of %s failed in a way that nobody expected", record.name)
            await self._carrier.fail(job, ControlCenterError(f"{record.name} cannot be fetched: {error}."))

    async def _carry_out_copy(self, job: Job, copy: Copy) -> None:
        try:
            await self._carrier.run(job, copy)
            try:
                await self._carrier.arrive(job, "")
            except ControlCenterError:
                await self._carrier.on_disk(copy.put_back)
                raise
            await self._carrier.on_disk(copy.finish)
        except Stopped:
            job.state = DownloadState.FAILED
        except ControlCenterError as error:
            job.state = DownloadState.FAILED
            job.record.message, job.record.remedy = error.message, error.remedy or ""
            self._carrier.tell(job)

    def _new_token(self, reference: str) -> str:
        """A token in place of one that is not taken any more; blocking."""
        return self._resolver.offer(reference).token

    async def _halt(self, job: Job) -> None:
        """Stop what carries it out and wait for that."""
        task = job.task
        if task is None or task.done():
            return
        job.halting = True
        if job.work is not None:
            job.work.stop()
        elif job.state is DownloadState.QUEUED:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task})
        if job.state is DownloadState.PAUSED and job.record.running:
            await self._carrier.end(job, DownloadState.PAUSED, running=False)

    def _job(self, download_id: str) -> Job:
        job = self._jobs.get(download_id)
        if job is None:
            raise NotFound("There is no such download.", remedy="Look at the list of downloads.")
        return job
