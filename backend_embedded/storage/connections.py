"""The connections to the SQLite file: one that writes, a few that read, and work that is never torn."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
READERS = 2

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # A crash of the process loses nothing; a power cut may lose the last commits and never corrupts.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-4096",
)


def open_engine(file: Path, *, writes: bool) -> AsyncEngine:
    """Connections to `file`; the one that writes takes the write lock when a transaction begins.

    A transaction that reads first and asks for the lock later is refused at once when another one wrote in
    between, whatever the busy timeout.
    """
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{file}",
        pool_size=1 if writes else READERS,
        max_overflow=0,
        pool_timeout=30,
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    def prepare(connection: Any, _record: object) -> None:
        # The driver's own transactions begin too late (and never before DDL): ours begin below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    def begin_transaction(connection: Connection) -> None:
        # Without a cursor of the engine's: one hop to the driver's thread in place of three.
        own: Any = connection.connection.dbapi_connection
        own.run_async(lambda driver: driver.execute(begin))

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin_transaction)
    return engine


async def open_appender(file: Path) -> aiosqlite.Connection:
    """A bare connection for the one statement that runs at every streamed piece.

    Each statement is its own transaction: one hop to the driver's thread, where the engine's connections
    need five, and so a quarter of the processor time, which the model needs itself.
    """
    connection = await aiosqlite.connect(file, isolation_level=None)
    try:
        for pragma in PRAGMAS:
            await connection.execute(pragma)
    except BaseException:
        await connection.close()
        raise
    return connection


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even if the caller is cancelled, who is then told so after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()
        raise
