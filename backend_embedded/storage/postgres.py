"""A PostgreSQL database: what is tried again, and what happens while its server is gone."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import StorageError, StorageUnavailable
from backend_embedded.resilience.retry import DATABASE, Retries, RetryObserver
from backend_embedded.storage.database import Database, Work, set_in_order
from backend_embedded.storage.postgres_engine import CONNECT_S, PoolGauge, Unmeasured, address
from backend_embedded.storage.postgres_failures import translated
from backend_embedded.storage.postgres_transactions import PostgresTransactions
from backend_embedded.storage.retrying import (
    ConnectionLost,
    ConnectionTimedOut,
    DeadlockDetected,
    PoolExhausted,
    ServerSilent,
)
from backend_embedded.storage.upgrade import upgrade

T = TypeVar("T")

LOOK_AGAIN_S = 0.5
LOOK_S = 15.0
UPGRADE_S = 600.0
APPEND = text("UPDATE messages SET text = text || :text WHERE id = CAST(:id AS uuid)")


class PostgresDatabase(Database):
    """One database of a PostgreSQL server; open with `async with`.

    A server that is gone when it is opened, or goes later, is waited for: calls are refused at once with the
    reason, until a look (every half second) finds it there again.

    Args:
        url: `postgresql://user:password@host:port/database`.
        publish: told when the store becomes unusable and usable again.
        gauge: told of the pool.
        observer: told of what is tried again.
        home_id: of the home whose answers are written there; others may use the same database.
    """

    dialect = "postgresql"

    def __init__(
        self,
        url: str,
        publish: Callable[[CapabilityChanged], None],
        gauge: PoolGauge | None = None,
        observer: RetryObserver | None = None,
        home_id: UUID | None = None,
    ) -> None:
        self.url = address(url)
        self.where = f"{self.url.host or 'localhost'}:{self.url.port or 5432}"
        self.home_id = home_id
        self.place = hashlib.sha256(f"{self.where}/{self.url.database}".encode()).hexdigest()[:12]
        now = datetime.now(UTC)
        super().__init__(
            Capability(name="store", state=State.OK, provider="PostgreSQL", product="PostgreSQL", since=now),
            publish,
        )
        self._retries = Retries(DATABASE, self._reason_of, observer)
        self._transactions = PostgresTransactions(self.url, self.where, gauge or Unmeasured())
        self._ready = False
        self._lost: StorageError | None = None
        self._look = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._get_ready()
        except StorageError as error:
            # It is waited for: whoever gave a wrong address must be able to give another one.
            self._lose(error)
            self._becomes(State.DOWN, error.message)
        except BaseException:
            await self._transactions.close()
            raise
        self._looking = asyncio.create_task(self._keep_looking())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._transactions.close()

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(APPEND, {"text": text, "id": message_id})

        await self.write(work)

    async def _reading(self, work: Work[T], limit_s: float) -> T:
        return await self._again(self._transactions.reading, work, "", limit_s)

    async def _writing(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        return await self._again(self._transactions.writing, work, one_by_one, limit_s)

    async def _again(self, engine: AsyncEngine, work: Work[T], one_by_one: str, limit_s: float) -> T:
        """Carry out `work`, anew after what passes by itself and left nothing done (specification 9.2)."""

        async def attempt() -> T:
            if self._lost is not None:
                raise StorageUnavailable(self._lost.message, remedy=self._lost.remedy, **self._lost.details)
            return await self._transactions.carry_out(engine, work, one_by_one, limit_s)

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
            case ServerSilent():
                return ""
            case ConnectionTimedOut() | ConnectionLost():
                return "CONNECTION_TIMEOUT"
            case DeadlockDetected():
                return "DEADLOCK_DETECTED"
            case _:
                return ""

    def _lose(self, error: StorageError) -> None:
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
        except PoolExhausted:
            return  # others are being served, or wait for their limit
        except StorageError as error:
            if not self._ready:
                self._lost = error
            elif isinstance(error, StorageUnavailable):
                self._lost = self._lost or error
            else:
                return  # it answers; what is wrong is told by the call that meets it
            self._becomes(State.DOWN, self._lost.message)

    async def _get_ready(self) -> None:
        """Bring the tables up to date the first time; later only see that the server answers."""
        there = self._transactions
        if self._ready:
            await there.carry_out(there.looking, _look, "", CONNECT_S)
        else:
            version = await there.carry_out(there.writing, self._prepare, "upgrade", UPGRADE_S)
            self._ready = True
            self._capability = self._capability.model_copy(update={"product": f"PostgreSQL {version}"})
        if self._lost is not None:
            self._lost = None
            self._becomes(State.OK, "")

    async def _prepare(self, connection: AsyncConnection) -> str:
        """Bring the tables up to date and in order; the server's version."""
        encoding = str(await connection.scalar(text("SHOW server_encoding")))
        if encoding != "UTF8":
            raise StorageUnavailable(
                f"The database {self.url.database} at {self.where} has the encoding {encoding}, not UTF8.",
                remedy="Use one that was made WITH ENCODING 'UTF8' TEMPLATE template0.",
            )
        await connection.run_sync(upgrade)
        await set_in_order(connection, self.home_id)
        told = str(await connection.scalar(text("SHOW server_version")))
        return told.split()[0]

    def translated(self) -> AbstractContextManager[None]:
        """Raise errors of this program in place of the driver's."""
        return translated(self.where)

    async def _size_bytes(self, connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


async def _look(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))
