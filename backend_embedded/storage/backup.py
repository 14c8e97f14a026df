"""Backups: one file each, a SQLite database whatever the data is kept in, verified before it is called a backup."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from backend_embedded.contract.data import TableCopy
from backend_embedded.errors import Conflict, InvalidInput, NotFound, StorageUnavailable
from backend_embedded.storage.copying import copy, summed
from backend_embedded.storage.database import Database
from backend_embedded.storage.failures import translated

T = TypeVar("T")

MAGIC = b"SQLite format 3\0"
PAGES = 500
Tell = Callable[[str, int, int], None]
Open = Callable[[Path], Database]


async def back_up(
    database: Database, own_file: Path | None, file: Path, open_file: Open, tell: Tell, *, replace: bool
) -> tuple[TableCopy, ...]:
    """Write everything to `file` while the program goes on; it appears there whole, or not at all.

    Args:
        own_file: the SQLite file of `database`; None when it is none.
        open_file: opens a SQLite file as a database.

    Raises:
        Conflict: the file is there and is not to be replaced. StorageError: what was written differs.
    """
    _refuse_unfit(file, replace=replace)
    part = file.with_name(f".{file.name}.part")
    try:
        if own_file is None:
            copied = await _by_rows(database, part, open_file, tell)
        else:
            await _on_thread(lambda: _by_pages(own_file, part, tell))
            async with open_file(part) as made:
                copied = await summed(made, tell)
        await settle(part)
        part.replace(file)
    finally:
        for name in (part, *_beside(part)):
            name.unlink(missing_ok=True)
    return copied


async def restore(database: Database, file: Path, open_file: Open, tell: Tell) -> tuple[TableCopy, ...]:
    """Put what a backup holds in the place of what the database holds, in one transaction.

    The backup itself is not touched: one of an older version is brought up to date as a copy.

    Raises:
        NotFound, InvalidInput: there is no such file, or it is no backup. StorageError: it is damaged.
    """
    async with opened_backup(file, open_file) as there:
        return await copy(there, database, tell, replace=True)


@asynccontextmanager
async def opened_backup(file: Path, open_file: Open) -> AsyncIterator[Database]:
    """A copy of a backup, open and checked."""
    _refuse_other(file)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=_scratch(file)) as folder:
        own = Path(folder) / "backup.db"
        await _on_thread(lambda: _taken(file, own))
        async with open_file(own) as opened:
            yield opened


def _refuse_unfit(file: Path, *, replace: bool) -> None:
    """Raise InvalidInput or Conflict for a path that nothing can be written to."""
    if not file.is_absolute():
        problem = [{"field": "body.file", "problem": "not absolute"}]
        raise InvalidInput(f"{file} is no absolute path.", fields=problem)
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {file.parent}.", remedy="Make it first.")
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder.")
    if file.exists() and not replace:
        raise Conflict(
            f"{file} is there already.", remedy="Choose another name, or say that it may be replaced."
        )


def _refuse_other(file: Path) -> None:
    """Raise NotFound or InvalidInput for what is no backup."""
    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    with file.open("rb") as start:
        if start.read(len(MAGIC)) != MAGIC:
            raise InvalidInput(f"{file} is no backup of this program.")


async def _by_rows(database: Database, part: Path, open_file: Open, tell: Tell) -> tuple[TableCopy, ...]:
    for name in (part, *_beside(part)):
        name.unlink(missing_ok=True)
    async with open_file(part) as made:
        return await copy(database, made, tell)


def _by_pages(source: Path, part: Path, tell: Tell) -> None:
    """SQLite's own online copy: the program writes on meanwhile."""

    def progress(_status: int, left: int, total: int) -> None:
        tell("copying the file", total - left, total)

    for name in (part, *_beside(part)):
        name.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(source, isolation_level=None)) as there,
        closing(sqlite3.connect(part)) as here,
    ):
        # One state of the data throughout: else each write meanwhile would have the copy begin anew.
        there.execute("BEGIN")
        there.execute("SELECT count(*) FROM sqlite_master").fetchone()
        there.backup(here, pages=PAGES, progress=progress, sleep=0.001)
    _refuse_damaged(part)


def _taken(file: Path, own: Path) -> None:
    """A copy of a backup that may be opened for writing."""
    shutil.copyfile(file, own)
    journal = file.with_name(f"{file.name}-wal")
    if journal.is_file():
        # No backup of ours, but a file out of a home: what was written last is in its journal.
        shutil.copyfile(journal, own.with_name(f"{own.name}-wal"))
    _refuse_damaged(own)


def _refuse_damaged(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            told = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.DatabaseError as error:
        told = [str(error)]
    if told != ["ok"]:
        raise StorageUnavailable(
            f"{file} is damaged: {told[0]}.", remedy="Use another backup.", file=str(file)
        )


async def settle(file: Path) -> None:
    """Make one file of a database and its journal, and have the disk keep it.

    Raises:
        StorageUnavailable: the disk is full, or somebody has the file open.
    """
    with translated(str(file)):
        await _on_thread(lambda: _settled(file))


def _settled(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _beside(file: Path) -> tuple[Path, ...]:
    """The files that SQLite keeps beside an open database."""
    return tuple(file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))


def _scratch(file: Path) -> Path | None:
    """Where there is room for a copy: beside the backup, when that can be written."""
    return file.parent if os.access(file.parent, os.W_OK) else None


async def _on_thread(work: Callable[[], T]) -> T:
    """Have a thread of its own do `work`; it is waited for to its end."""
    with ThreadPoolExecutor(1, thread_name_prefix="backup") as thread:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(thread, work))
