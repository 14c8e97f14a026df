"""Copies all rows of one database into another one, and reads them there again: all, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Column, Table, delete, func, insert, literal, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.data import TableCopy
from backend_embedded.errors import Conflict, StorageError
from backend_embedded.storage import records
from backend_embedded.storage.database import Database
from backend_embedded.storage.rows import AnyRow
from backend_embedded.storage.schema import attachments, metadata

BATCH = 1_000
FILES_AT_ONCE = 20
"""Rows of attached files, each with all of its text."""
LIMIT_S = 6 * 3_600.0
"""Longest time of a whole copy."""
COPIED: Sequence[Table] = tuple(table for table in metadata.sorted_tables if table is not records.migrations)
"""Tables in the order of their foreign keys. Which revisions were run is every database's own."""
MODULUS = 1 << 256
EXACT = 1 << 53
"""Whole numbers below this are the same as a float."""
Translated = Callable[[], AbstractContextManager[None]]
"""Names the failures of one of the two databases, whichever is meanwhile spoken to."""


class CopyCancelled(Exception):
    """Somebody does not want the copy any longer; nothing of it is left."""


@dataclass
class Progress:
    """How far a copy is. `tell` is called at every change; what it raises ends the copy."""

    tell: Callable[[str, int, int], None]
    done: int = 0
    total: int = 0

    def step(self, what: str, rows: int = 0) -> None:
        """So many more rows are done, of `what`."""
        self.done += rows
        self.tell(what, self.done, self.total)


class Checksum:
    """The sum of the hashes of rows: the same in whatever order they come."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: Sequence[Any]) -> None:
        """One more row."""
        self.rows += 1
        plain = orjson.dumps([_plain(value) for value in row], option=orjson.OPT_SORT_KEYS)
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(plain).digest(), "big")) % MODULUS

    def hexadecimal(self) -> str:
        """64 digits."""
        return f"{self._sum:064x}"


async def copy(
    source: Database, target: Database, tell: Callable[[str, int, int], None], *, replace: bool = False
) -> tuple[TableCopy, ...]:
    """Copy everything in one snapshot of `source` and one transaction of `target`; what was copied, by table.

    The rows are read again in the target before the transaction is committed.

    Args:
        replace: what the target holds is removed first.

    Raises:
        Conflict: the target holds data and is not to be replaced; with its `rows`.
        StorageError: what was read again differs; the target is as it was.
    """

    async def read(there: AsyncConnection) -> tuple[TableCopy, ...]:
        async def write(here: AsyncConnection) -> tuple[TableCopy, ...]:
            with source.translated():
                progress = Progress(tell, total=2 * await _count(there))
            await _clear(here, replace=replace)
            copied = [
                await _copy_table(_parts(there, table, source.translated), here, table, progress)
                for table in COPIED
            ]
            for table, one in zip(COPIED, copied, strict=True):
                await _compare(_parts(here, table, target.translated), table, one, progress)
            if target.dialect == "postgresql":
                await _go_on_counting(here)
            return tuple(copied)

        return await target.write(write, one_by_one="conversations", limit_s=LIMIT_S)

    return await source.read(read, limit_s=LIMIT_S)


async def summed(database: Database, tell: Callable[[str, int, int], None]) -> tuple[TableCopy, ...]:
    """Counts and checksums of all tables, of one snapshot."""

    async def read(there: AsyncConnection) -> tuple[TableCopy, ...]:
        progress = Progress(tell, total=await _count(there))
        parts = [(table, _parts(there, table, database.translated)) for table in COPIED]
        return tuple([await _sum_of(rows, table, progress) for table, rows in parts])

    return await database.read(read, limit_s=LIMIT_S)


async def _count(connection: AsyncConnection) -> int:
    counts = [await connection.scalar(select(func.count()).select_from(table)) or 0 for table in COPIED]
    return sum(counts)


async def _clear(connection: AsyncConnection, *, replace: bool) -> None:
    """Make all tables empty, and have nobody else write until the transaction ends."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in COPIED)
        await connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    if not replace and (rows := await _count(connection)):
        raise Conflict(
            "This database holds data of the program already.",
            remedy="Choose an empty one, or say that what it holds may be replaced.",
            rows=rows,
        )
    for table in reversed(COPIED):
        for column in _own_parents(table):
            await connection.execute(update(table).values({column.name: None}))
        await connection.execute(delete(table))


async def _copy_table(
    parts: AsyncIterator[Sequence[AnyRow]], here: AsyncConnection, table: Table, progress: Progress
) -> TableCopy:
    parents = _own_parents(table)
    late: list[tuple[Any, dict[str, Any]]] = []
    checksum = Checksum()
    async for part in parts:
        given = [dict(row._mapping) for row in part]
        for row, values in zip(part, given, strict=True):
            checksum.add(row)
            later = {column.name: values[column.name] for column in parents}
            if any(value is not None for value in later.values()):
                # The row that it points to may come after it.
                late.append((values["id"], later))
                values |= dict.fromkeys(later)
        await here.execute(insert(table), given)
        progress.step(f"copying {table.name}", len(given))
    for id, later in late:
        await here.execute(update(table).where(table.c.id == id).values(later))
    return TableCopy(name=table.name, rows=checksum.rows, checksum=checksum.hexadecimal())


async def _compare(
    parts: AsyncIterator[Sequence[AnyRow]], table: Table, wanted: TableCopy, progress: Progress
) -> None:
    found = await _sum_of(parts, table, progress)
    if found != wanted:
        raise StorageError(
            f"The table {table.name} was not copied as it is: {wanted.rows} rows became {found.rows}, "
            "or some of them changed.",
            remedy="Nothing was changed. Try again; if it stays so, check the data.",
            table=table.name,
        )


async def _sum_of(parts: AsyncIterator[Sequence[AnyRow]], table: Table, progress: Progress) -> TableCopy:
    checksum = Checksum()
    async for part in parts:
        for row in part:
            checksum.add(row)
        progress.step(f"checking {table.name}", len(part))
    return TableCopy(name=table.name, rows=checksum.rows, checksum=checksum.hexadecimal())


async def _parts(
    connection: AsyncConnection, table: Table, translated: Translated
) -> AsyncIterator[Sequence[AnyRow]]:
    """All rows, some at a time, by their key: what was read is not held, and no cursor stays open."""
    key = tuple(table.primary_key.columns)
    count = FILES_AT_ONCE if table is attachments else BATCH
    wanted = following = select(table).order_by(*key).limit(count)
    while True:
        with translated():
            part = (await connection.execute(following)).all()
        if part:
            yield part
        if len(part) < count:
            return
        last = tuple_(*(literal(part[-1]._mapping[column], column.type) for column in key))
        following = wanted.where(tuple_(*key) > last)


async def _go_on_counting(connection: AsyncConnection) -> None:
    """Have PostgreSQL give the next numbers after those that came with the rows."""
    for table in COPIED:
        column = table.c.get("number")
        if column is None:
            continue
        last = await connection.scalar(select(func.max(column)))
        await connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:table, 'number'), :last, :used)"),
            {"table": table.name, "last": last or 1, "used": last is not None},
        )


def _own_parents(table: Table) -> list[Column[Any]]:
    """Columns that point to other rows of the same table, and whose rows may come in any order."""
    if "number" in table.c:
        return []  # a message comes after the one that it answers
    return [column for column in table.c if any(key.column.table is table for key in column.foreign_keys)]


def _plain(value: Any) -> Any:
    """A value as both databases give it back."""
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case float() if value.is_integer() and abs(value) < EXACT:
            return int(value)
        case int() if not isinstance(value, bool) and abs(value) >= EXACT:
            return float(value)  # PostgreSQL tells a large float in all its digits
        case UUID():
            return value.hex
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes():
            return value.hex()
        case dict():
            return {_plain(str(name)): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value
