"""Looks whether the data is whole: the file, the keys between tables, the trees of conversations, the search."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Table, func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.storage.copying import COPIED, LIMIT_S
from backend_embedded.storage.database import Database
from backend_embedded.storage.schema import conversations, messages
from backend_embedded.storage.upgrade import stored_version

MOST_TOLD = 20
UNSEARCHED = text(
    "SELECT count(*) FROM messages m LEFT JOIN message_search s ON s.number = m.number "
    "WHERE m.status <> 'writing' AND s.number IS NULL"
)


async def problems_in(database: Database, tell: Callable[[str, int, int], None]) -> tuple[str, ...]:
    """What is wrong, in words; empty when nothing is."""

    async def read(connection: AsyncConnection) -> tuple[str, ...]:
        found: list[str] = []
        steps = (_version, _of_file, _keys, _trees, _search)
        for number, step in enumerate(steps):
            tell(f"looking: {(step.__doc__ or '').rstrip('.').lower()}", number, len(steps))
            found += await step(connection)
        tell("", len(steps), len(steps))
        return tuple(found[:MOST_TOLD])

    return await database.read(read, limit_s=LIMIT_S)


async def _version(connection: AsyncConnection) -> list[str]:
    """The version of the tables."""
    version = await connection.run_sync(stored_version)
    return [] if version is not None else ["The tables have no version."]


async def _of_file(connection: AsyncConnection) -> list[str]:
    """The file itself."""
    if connection.dialect.name != "sqlite":
        return []
    told = [str(row[0]) for row in await connection.execute(text(f"PRAGMA integrity_check({MOST_TOLD})"))]
    return [f"The file is damaged: {line}" for line in told if line != "ok"]


async def _keys(connection: AsyncConnection) -> list[str]:
    """The keys between tables."""
    found = []
    for table in COPIED:
        for column in table.c:
            for key in column.foreign_keys:
                found += await _orphans(connection, table, column.name, key.column.table)
    return found


async def _orphans(connection: AsyncConnection, table: Table, column: str, other: Table) -> list[str]:
    target = other.alias()
    orphans = await connection.scalar(
        select(func.count())
        .select_from(table.outerjoin(target, table.c[column] == target.c.id))
        .where(table.c[column].is_not(None), target.c.id.is_(None))
    )
    if not orphans:
        return []
    return [f"{orphans} rows of {table.name} point to nothing in {other.name} ({column})."]


async def _trees(connection: AsyncConnection) -> list[str]:
    """The trees of conversations."""
    parent = messages.alias()
    strayed = await connection.scalar(
        select(func.count())
        .select_from(messages.join(parent, messages.c.parent_id == parent.c.id))
        .where(messages.c.conversation_id != parent.c.conversation_id)
    )
    lost = await connection.scalar(
        select(func.count())
        .select_from(conversations.outerjoin(messages, conversations.c.leaf_id == messages.c.id))
        .where(conversations.c.leaf_id.is_not(None), messages.c.id.is_(None))
    )
    found = []
    if strayed:
        found.append(f"{strayed} messages answer one of another conversation.")
    if lost:
        found.append(f"{lost} conversations show a message that is not there.")
    return found


async def _search(connection: AsyncConnection) -> list[str]:
    """The index of the search."""
    if connection.dialect.name == "postgresql":
        missing = await connection.scalar(UNSEARCHED)
        return [f"{missing} messages are not in the index of the search."] if missing else []
    # FTS5's own check writes, and this is a transaction that reads: a search is carried out instead.
    try:
        await connection.execute(text("SELECT rowid FROM message_search('a*') LIMIT 1"))
    except DatabaseError as error:
        return [f"The index of the search is damaged: {error.orig}"]
    return []
