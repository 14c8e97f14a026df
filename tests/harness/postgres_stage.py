"""Databases for tests: each on its own, with the program's tables, in SQLite or a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from real_postgres import RealPostgres, real_postgres

from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase


def ignore(_: CapabilityChanged) -> None:
    pass


@dataclass
class Stage:
    """A server, and the name of a database on it that has all tables and no rows."""

    server: RealPostgres
    template: str


@contextmanager
def stage() -> Iterator[Stage]:
    """A server whose databases are made from one that is up to date."""
    from backend_embedded.storage.postgres import PostgresDatabase

    with real_postgres() as server:
        print(f"\nPostgreSQL {server.version} on 127.0.0.1:{server.port}", file=sys.__stdout__, flush=True)
        template = server.database()

        async def make() -> None:
            async with PostgresDatabase(server.url(template), ignore):
                pass

        asyncio.run(make())
        yield Stage(server, template)


@asynccontextmanager
async def opened_database(
    where: Stage | None, folder: Path, publish: Callable[[CapabilityChanged], None] = ignore
) -> AsyncIterator[Database]:
    """An empty database in a folder, or on the server of a stage; gone afterwards."""
    if where is None:
        async with SqliteDatabase(folder / f"{uuid4().hex}.db", publish) as database:
            yield database
        return
    from backend_embedded.storage.postgres import PostgresDatabase

    name = where.server.database(where.template)
    try:
        async with PostgresDatabase(where.server.url(name), publish) as database:
            yield database
    finally:
        where.server.drop(name)


@asynccontextmanager
async def opened_store(where: Stage | None, folder: Path) -> AsyncIterator[SqlConversationStore]:
    """An empty store of conversations."""
    async with opened_database(where, folder) as database:
        yield SqlConversationStore(database)
