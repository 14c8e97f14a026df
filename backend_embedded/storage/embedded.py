"""The SQLite file: opened, brought up to date, read and written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID, uuid4

import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.storage.connections import open_appender, open_engine, unbroken
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Database, Work, set_in_order
from backend_embedded.storage.failures import translated
from backend_embedded.storage.upgrade import upgrade

T = TypeVar("T")

APPEND = "UPDATE messages SET text = text || ? WHERE id = ?"


class SqliteDatabase(Database):
    """One SQLite file; open with `async with`.

    Args:
        file: the database; its folder is made.
        publish: told when the store becomes unusable and usable again.
    """

    dialect = "sqlite"

    def __init__(self, file: Path, publish: Callable[[CapabilityChanged], None]) -> None:
        super().__init__(
            Capability(
                name="store",
                state=State.OK,
                provider="embedded",
                product=f"SQLite {aiosqlite.sqlite_version}",
                since=datetime.now(UTC),
            ),
            publish,
        )
        self.file = file
        self.place = uuid4().hex[
            :12
        ]  # nobody else has it open, and what was cached need not outlive this run
        self._writer = open_engine(file, writes=True)
        self._reader = open_engine(file, writes=False)
        self.appender: aiosqlite.Connection | None = None

    async def __aenter__(self) -> Self:
        try:
            with self.translated():
                self.file.parent.mkdir(parents=True, exist_ok=True)
                async with self._writer.begin() as connection:
                    await connection.run_sync(upgrade)
                    await set_in_order(connection)
                self.appender = await open_appender(self.file)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.appender is not None:
            await self.appender.close()
        await self._reader.dispose()
        await self._writer.dispose()

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""
        await unbroken(self._append(message_id, text))

    async def _append(self, message_id: UUID, text: str) -> None:
        async with self._watched():
            assert self.appender is not None, "the store is open"
            await self.appender.execute(APPEND, (text, message_id.hex))

    async def _reading(self, work: Work[T], limit_s: float) -> T:
        async with self._reader.begin() as connection:
            return await work(connection)

    async def _writing(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        async with self._writer.begin() as connection:
            return await work(connection)

    def translated(self) -> AbstractContextManager[None]:
        """Raise errors of this program in place of the driver's."""
        return translated(str(self.file))

    async def _size_bytes(self, connection: AsyncConnection) -> int:
        return self.file.stat().st_size


class SqliteConversationStore(SqlConversationStore):
    """Conversations in a SQLite file of their own; open with `async with`."""

    database: SqliteDatabase

    def __init__(self, file: Path, publish: Callable[[CapabilityChanged], None]) -> None:
        super().__init__(SqliteDatabase(file, publish))

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.database.__aexit__(kind, error, trace)
