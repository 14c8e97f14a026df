"""The jobs with the whole of the data: moving house and back, backup, restore, check. One at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from backend_embedded.contract.data import DataJob, DataWork, JobState
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.errors import Conflict, ControlCenterError, NotFound, StorageUnavailable
from backend_embedded.storage.backup import back_up, restore, settle
from backend_embedded.storage.checking import problems_in
from backend_embedded.storage.chosen import ChosenDatabase
from backend_embedded.storage.copying import CopyCancelled, copy
from backend_embedded.storage.database import Database

log = logging.getLogger(__name__)

MOVING = "The data is being moved: nothing is written meanwhile."
RESTORING = "A backup is being put back: nothing is written meanwhile."


@dataclass(frozen=True, slots=True)
class House:
    """What moving needs to know of this run.

    Attributes:
        file: the SQLite file of the home.
        open_file: opens a SQLite file as a database.
        open_url: opens the database of an address. Raises InvalidInput for what is none.
        shown: an address without its password.
        switch: has the settings name another database; empty: the file of the home.
        changed: told when other data is there than before.
    """

    file: Path
    open_file: Callable[[Path], Database]
    open_url: Callable[[str], Database]
    shown: Callable[[str], str]
    switch: Callable[[str], Awaitable[None]]
    changed: Callable[[], Awaitable[None]]


class DataJobs:
    """Carries out one job at a time and tells how it stands; open with `async with` of the database around it."""

    def __init__(self, database: ChosenDatabase, house: House) -> None:
        self._database = database
        self._house = house
        self._job: DataJob | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    def job(self) -> DataJob:
        """The job that runs, or the last one. Raises NotFound when there was none."""
        if self._job is None:
            raise NotFound("Nothing was done with the data yet.")
        return self._job

    def cancel(self) -> DataJob:
        """Have the job that runs leave everything as it was. Raises NotFound when there was none."""
        self._cancelled = True
        return self.job()

    async def close(self) -> None:
        """End the job that runs; what it did so far is undone."""
        self._cancelled = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def move(self, url: str, *, replace: bool = False) -> DataJob:
        """Copy everything to PostgreSQL and use that from then on. Raises InvalidInput, Conflict."""
        other = self._house.open_url(url)
        if self._database.dialect != "sqlite":
            raise Conflict("The data is in PostgreSQL already.", remedy="Move it back first.")
        return self._begin(DataWork.MOVE, self._house.shown(url), lambda: self._move(other, url, replace))

    def back(self) -> DataJob:
        """Copy everything into the file of the home again. Raises Conflict."""
        if self._database.dialect == "sqlite":
            raise Conflict("The data is in the file of the home.")
        return self._begin(DataWork.BACK, str(self._house.file), self._back)

    def backup(self, file: Path, *, replace: bool = False) -> DataJob:
        """Write a backup. Raises Conflict."""
        own = self._house.file if self._database.dialect == "sqlite" else None

        async def work() -> None:
            tables = await back_up(
                self._database, own, file, self._house.open_file, self._tell, replace=replace
            )
            self._set(tables=tables)

        return self._begin(DataWork.BACKUP, str(file), work)

    def restore(self, file: Path) -> DataJob:
        """Put a backup in the place of what is there. Raises Conflict."""
        return self._begin(DataWork.RESTORE, str(file), lambda: self._restore(file))

    def check(self) -> DataJob:
        """Look whether the data is whole. Raises Conflict."""

        async def work() -> None:
            self._set(problems=await problems_in(self._database, self._tell))

        return self._begin(DataWork.CHECK, "", work)

    def _begin(
        self, work: DataWork, target: str, carry_out: Callable[[], Coroutine[Any, Any, None]]
    ) -> DataJob:
        if self._task is not None and not self._task.done():
            raise Conflict("Something is being done with the data already.", remedy="Wait, or cancel it.")
        self._cancelled = False
        self._job = DataJob(work=work, target=target, began_at=datetime.now(UTC))
        self._task = asyncio.create_task(self._run(carry_out), name=f"data: {work}")
        return self._job

    async def _run(self, carry_out: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await carry_out()
        except CopyCancelled:
            self._end(JobState.CANCELLED)
        except ControlCenterError as error:
            self._end(JobState.FAILED, _body(error))
        except Exception as error:
            log.exception("A job with the data failed in a way that nobody expected")
            self._end(
                JobState.FAILED,
                ErrorBody(code=ErrorCode.INTERNAL, message=f"It failed: {type(error).__name__}."),
            )
        else:
            self._end(JobState.DONE)

    async def _move(self, other: Database, url: str, replace: bool) -> None:
        async with self._database.held(MOVING):
            await other.__aenter__()
            try:
                if other.capability().reason:
                    raise StorageUnavailable(other.capability().reason)
                self._set(tables=await copy(self._database, other, self._tell, replace=replace))
                await self._house.switch(url)
            except BaseException:
                await other.__aexit__(None, None, None)
                raise
            await self._database.exchange(other)
            self._set(kept=str(self._house.file))
        await self._house.changed()

    async def _back(self) -> None:
        file = self._house.file
        part = file.with_name(f"{file.name}.moving")
        async with self._database.held(MOVING):
            _remove(part)
            try:
                async with self._house.open_file(part) as made:
                    self._set(tables=await copy(self._database, made, self._tell))
                await settle(part)
            except BaseException:
                _remove(part)
                raise
            kept = _aside(file)
            own = await self._put_in_place(part, kept)
            await self._database.exchange(own)
            self._set(kept=str(kept) if kept.exists() else "")
        await self._house.changed()

    async def _put_in_place(self, part: Path, kept: Path) -> Database:
        """Make `part` the file of the home, whose old one is kept, and have the settings name it; open."""
        file = self._house.file
        _rename(file, kept)
        try:
            _rename(part, file)
            own = self._house.open_file(file)
            await own.__aenter__()
            try:
                await self._house.switch("")
            except BaseException:
                await own.__aexit__(None, None, None)
                raise
        except BaseException:
            _remove(part)
            _remove(file)
            _rename(kept, file)
            raise
        return own

    async def _restore(self, file: Path) -> None:
        async with self._database.held(RESTORING):
            tables = await restore(self._database.current, file, self._house.open_file, self._tell)
            self._set(tables=tables)
        await self._house.changed()

    def _tell(self, step: str, done: int, total: int) -> None:
        if self._cancelled:
            raise CopyCancelled
        self._set(step=step, done=done, total=total)

    def _set(self, **facts: Any) -> None:
        assert self._job is not None
        self._job = self._job.model_copy(update=facts)

    def _end(self, state: JobState, error: ErrorBody | None = None) -> None:
        self._set(state=state, error=error, step="", ended_at=datetime.now(UTC))


def _body(error: ControlCenterError) -> ErrorBody:
    return ErrorBody(code=error.code, message=error.message, remedy=error.remedy, details=error.details)


def _all_of(file: Path) -> tuple[Path, ...]:
    """A database file and those that SQLite keeps beside it."""
    return (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm"))


def _remove(file: Path) -> None:
    """Remove a database that is not open."""
    for name in _all_of(file):
        name.unlink(missing_ok=True)


def _rename(file: Path, other: Path) -> None:
    """Give a database that is not open another name, if it is there."""
    for old, new in zip(_all_of(file), _all_of(other), strict=True):
        if old.exists():
            old.replace(new)


def _aside(file: Path) -> Path:
    """A name beside the file that is free."""
    now = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    for again in count(1):
        name = f"{file.stem}-before-{now}" + (f"-{again}" if again > 1 else "")
        free = file.with_name(name + file.suffix)
        if not free.exists():
            break
    return free
