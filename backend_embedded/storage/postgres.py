"""A PostgreSQL database through psycopg: its pool, its transactions, and what happens while it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import StorageError, StorageUnavailable
from backend_embedded.resilience.retry import DATABASE, Retries, RetryObserver
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Database, Work, set_in_order
from backend_embedded.storage.postgres_engine import (
    CONNECT_S,
    MOST,
    PoolGauge,
    Unmeasured,
    address,
    open_engine,
)
from backend_embedded.storage.postgres_failures import translated
from backend_embedded.storage.retrying import (
    ConnectionLost,
    ConnectionTimedOut,
    DeadlockDetected,
    OutcomeUnknown,
)
from backend_embedded.storage.upgrade import upgrade

T = TypeVar("T")

LOOK_AGAIN_S = 0.5
LOOK_S = 15.0
UPGRADE_S = 600.0
APPEND = text("UPDATE messages SET text = text || :text WHERE id = CAST(:id AS uuid)")
LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


class PostgresDatabase(Database):
    """One database of a PostgreSQL server; open with `async with`.

    A server that is gone when it is opened, or goes later, is waited for: calls are refused at once with the
    reason, until a look (every half second) finds it there again.

    Args:
        url: `postgresql://user:password@host:port/database`.
        publish: told when the store becomes unusable and usable again.
        gauge: told of the pool.
        observer: told of what is tried again.
    """

    dialect = "postgresql"

    def __init__(
        self,
        url: str,
        publish: Callable[[CapabilityChanged], None],
        gauge: PoolGauge | None = None,
        observer: RetryObserver | None = None,
    ) -> None:
        self.url = address(url)
        self.where = f"{self.url.host or 'localhost'}:{self.url.port or 5432}"
        now = datetime.now(UTC)
        super().__init__(
            Capability(name="store", state=State.OK, provider="PostgreSQL", product="PostgreSQL", since=now),
            publish,
        )
        self._gauge = gauge or Unmeasured()
        self._retries = Retries(DATABASE, self._reason_of, observer)
        self._engine = open_engine(self.url)
        self._snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._ready = False
        self._lost: StorageUnavailable | None = None
        self._look = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._get_ready()
        except StorageUnavailable as error:
            # It is waited for: whoever gave a wrong address must be able to give another one.
            self._lose(error)
            self._becomes(State.DOWN, error.message)
        except BaseException:
            await self._engine.dispose()
            raise
        self._looking = asyncio.create_task(self._keep_looking())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._engine.dispose()

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(APPEND, {"text": text, "id": message_id})

        await self.write(work)

    async def _reading(self, work: Work[T], limit_s: float) -> T:
        return await self._again(self._snapshots, work, "", limit_s)

    async def _writing(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        return await self._again(self._engine, work, one_by_one, limit_s)

    async def _again(self, engine: AsyncEngine, work: Work[T], one_by_one: str, limit_s: float) -> T:
        """Carry out `work`, anew after what passes by itself and left nothing done (specification 9.2)."""

        async def attempt() -> T:
            if self._lost is not None:
                raise type(self._lost)(self._lost.message, remedy=self._lost.remedy, **self._lost.details)
            return await self._once(engine, work, one_by_one, limit_s)

        try:
            return await self._retries.call(attempt)
        except (ConnectionTimedOut, ConnectionLost) as error:
            if self._lost is None:
                self._lose(error)
            raise

    def _reason_of(self, error: BaseException) -> str:
        """What a failure is called in the policy; nothing is tried again while the server is known to be gone."""
        if self._lost is not None:
            return ""
        match error:
            case ConnectionTimedOut() | ConnectionLost():
                return "CONNECTION_TIMEOUT"
            case DeadlockDetected():
                return "DEADLOCK_DETECTED"
            case _:
                return ""

    async def _once(self, engine: AsyncEngine, work: Work[T], one_by_one: str, limit_s: float) -> T:
        with self._translated():
            connection = await self._taken(engine)
        try:
            return await self._transaction(connection, work, one_by_one, limit_s)
        finally:
            with self._translated():
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
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        cut = False

        def hang_up() -> None:
            nonlocal cut
            cut = True
            if not raw.closed:
                _hang_up(raw.pgconn.socket)

        hanging = asyncio.get_running_loop().call_later(limit_s, hang_up)
        try:
            with self._translated():
                if one_by_one:
                    await connection.execute(LOCK, {"name": one_by_one})
                done = await work(connection)
                committing = True
                await connection.commit()
        except (ConnectionLost, ConnectionTimedOut) as error:
            await connection.invalidate()
            if cut:
                raise self._silent(limit_s) from error
            if committing:
                raise OutcomeUnknown(
                    f"{error.message} Whether the last change was stored is not known.",
                    remedy=error.remedy,
                    **error.details,
                ) from error
            raise
        except BaseException:
            with contextlib.suppress(StorageError), self._translated():
                await connection.rollback()
            raise
        finally:
            hanging.cancel()
        return done

    def _silent(self, limit_s: float) -> ConnectionTimedOut:
        silent = ConnectionTimedOut(
            f"PostgreSQL at {self.where} did not answer for {limit_s:g} s.",
            remedy="Look at the server; the program goes on by itself.",
            server=self.where,
        )
        self._lose(silent)
        return silent

    def _in_use(self) -> int:
        return int(self._engine.pool.checkedout())  # type: ignore[attr-defined]

    def _lose(self, error: StorageUnavailable) -> None:
        self._lost = error
        self._look.set()

    # -- while it is gone -------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        """Look whether the server is there: often while it is not, now and then while it is."""
        while True:
            if self._lost is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._look.wait()
            else:
                await asyncio.sleep(LOOK_AGAIN_S)
            self._look.clear()
            await self._look_once()

    async def _look_once(self) -> None:
        try:
            await self._get_ready()
        except StorageUnavailable as error:
            self._lost = self._lost or error
            self._becomes(State.DOWN, self._lost.message)
        except StorageError:
            return  # it answers; what is wrong is told by the call that meets it

    async def _get_ready(self) -> None:
        """Bring the tables up to date the first time; later only see that the server answers."""
        if self._ready:
            await self._once(self._alone, _look, "", CONNECT_S)
        else:
            version = await self._once(self._engine, _prepare, "upgrade", UPGRADE_S)
            self._ready = True
            self._capability = self._capability.model_copy(update={"product": f"PostgreSQL {version}"})
        if self._lost is not None:
            self._lost = None
            self._becomes(State.OK, "")

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.where)

    async def _size_bytes(self, connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


async def _look(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))


async def _prepare(connection: AsyncConnection) -> str:
    """Bring the tables up to date and in order; the server's version."""
    await connection.run_sync(upgrade)
    await set_in_order(connection)
    told = str(await connection.scalar(text("SHOW server_version")))
    return told.split()[0]


def _hang_up(descriptor: int) -> None:
    """Cut a connection that does not answer: cancelling what waits for it would wait for it too."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as ours:
        ours.shutdown(socket.SHUT_RDWR)


class PostgresConversationStore(SqlConversationStore):
    """Conversations in a PostgreSQL database; open with `async with`."""

    database: PostgresDatabase

    def __init__(
        self, url: str, publish: Callable[[CapabilityChanged], None], gauge: PoolGauge | None = None
    ) -> None:
        super().__init__(PostgresDatabase(url, publish, gauge))

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.database.__aexit__(kind, error, trace)
