"""Transactions on PostgreSQL: each on a connection of the pool, cut when the server does not answer in time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend_embedded.errors import StorageError
from backend_embedded.storage.database import Work
from backend_embedded.storage.postgres_engine import MOST, PREPARED_AFTER, PoolGauge, open_engine
from backend_embedded.storage.postgres_failures import translated
from backend_embedded.storage.retrying import (
    ConnectionLost,
    ConnectionTimedOut,
    OutcomeUnknown,
    PreparedLost,
    ServerSilent,
)

T = TypeVar("T")

LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


class PostgresTransactions:
    """The connections to one database; `close` ends them. None is made before it is needed.

    Args:
        url: in the driver's words.
        where: host and port, as errors name them.
        gauge: told of the pool.

    Attributes:
        writing: transactions that change something.
        reading: transactions that see one state of the data throughout.
        looking: each statement on its own.
    """

    def __init__(self, url: URL, where: str, gauge: PoolGauge) -> None:
        self._where = where
        self._gauge = gauge
        self.writing = open_engine(url)
        self.reading = self.writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.looking = self.writing.execution_options(isolation_level="AUTOCOMMIT")
        self._prepares = True

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        await self.writing.dispose()

    async def carry_out(self, engine: AsyncEngine, work: Work[T], one_by_one: str, limit_s: float) -> T:
        """Carry out `work`, all or nothing.

        Args:
            engine: `writing`, `reading` or `looking`.
            one_by_one: names transactions that never run side by side.

        Raises:
            ServerSilent: there was no answer within the limit. ConnectionLost, ConnectionTimedOut,
            DeadlockDetected: it may be tried again. OutcomeUnknown: it may be done, or not.
        """
        try:
            return await self._once(engine, work, one_by_one, limit_s)
        except PreparedLost:
            self._prepares = False
            return await self._once(engine, work, one_by_one, limit_s)

    async def _once(self, engine: AsyncEngine, work: Work[T], one_by_one: str, limit_s: float) -> T:
        with translated(self._where):
            connection = await self._taken(engine)
        try:
            return await self._transaction(connection, work, one_by_one, limit_s)
        finally:
            with translated(self._where):
                await connection.close()
            self._gauge.in_use(self._in_use())

    async def _taken(self, engine: AsyncEngine) -> AsyncConnection:
        """A connection out of the pool, or a new one."""
        if self._in_use() >= MOST:
            self._gauge.exhausted()
        began = time.perf_counter()
        try:
            connection = await engine.connect()
        except PoolTimeout:
            self._gauge.waited(time.perf_counter() - began)
            raise
        self._gauge.waited(time.perf_counter() - began)
        self._gauge.in_use(self._in_use())
        return connection

    async def _transaction(
        self, connection: AsyncConnection, work: Work[T], one_by_one: str, limit_s: float
    ) -> T:
        committing = False
        try:
            async with self._limited(connection, limit_s):
                if one_by_one:
                    await connection.execute(LOCK, {"name": one_by_one})
                done = await work(connection)
                committing = True
                await connection.commit()
        except (ConnectionLost, ConnectionTimedOut) as error:
            await connection.invalidate()
            if committing and not isinstance(error, ServerSilent):
                raise OutcomeUnknown(
                    f"{error.message} Whether the last change was stored is not known.",
                    remedy=error.remedy,
                    **error.details,
                ) from error
            raise
        except BaseException:
            with contextlib.suppress(StorageError), translated(self._where):
                await connection.rollback()
            raise
        return done

    @asynccontextmanager
    async def _limited(self, connection: AsyncConnection, limit_s: float) -> AsyncIterator[None]:
        """Translate errors, and cut the connection when the block takes longer. Raises ServerSilent then."""
        raw: Any = (await connection.get_raw_connection()).driver_connection
        raw.prepare_threshold = PREPARED_AFTER if self._prepares else None
        cut = False

        def hang_up() -> None:
            nonlocal cut
            cut = True
            if not raw.closed:
                _hang_up(raw.pgconn.socket)

        hanging = asyncio.get_running_loop().call_later(limit_s, hang_up)
        try:
            with translated(self._where):
                yield
        except (ConnectionLost, ConnectionTimedOut) as error:
            if not cut:
                raise
            raise ServerSilent(
                f"PostgreSQL at {self._where} did not answer for {limit_s:g} s.",
                remedy="Look at the server; the program goes on by itself.",
                server=self._where,
            ) from error
        finally:
            hanging.cancel()

    def _in_use(self) -> int:
        pool: Any = self.writing.pool
        return int(pool.checkedout())


def _hang_up(descriptor: int) -> None:
    """Cut a connection that does not answer: cancelling what waits for it would wait for it too."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as ours:
        ours.shutdown(socket.SHUT_RDWR)
