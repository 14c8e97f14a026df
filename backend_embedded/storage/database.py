"""The SQLite file: opened, brought up to date, read and written in transactions that are never torn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import aiosqlite
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import StorageUnavailable
from backend_embedded.storage.connections import open_appender, open_engine, unbroken
from backend_embedded.storage.failures import translated
from backend_embedded.storage.schema import attachments, messages
from backend_embedded.storage.upgrade import upgrade

T = TypeVar("T")
Work = Callable[[AsyncConnection], Coroutine[Any, Any, T]]

CUT_OFF = ErrorBody(
    code=ErrorCode.ENGINE_CRASHED,
    message="The backend ended while it was answering.",
    remedy="Continue the answer, or ask again.",
)
APPEND = "UPDATE messages SET text = text || ? WHERE id = ?"
UNSENT_FOR = timedelta(days=7)
"""Files that were uploaded and never sent are removed after this."""


class SqliteDatabase:
    """One SQLite file; open with `async with`.

    Args:
        file: the database; its folder is made.
        publish: told when the store becomes unusable and usable again.
    """

    def __init__(self, file: Path, publish: Callable[[CapabilityChanged], None]) -> None:
        self._file = file
        self._publish = publish
        self._capability = Capability(
            name="store",
            state=State.OK,
            provider="embedded",
            product=f"SQLite {aiosqlite.sqlite_version}",
            since=datetime.now(UTC),
        )
        self._writer = open_engine(file, writes=True)
        self._reader = open_engine(file, writes=False)
        self._appender: aiosqlite.Connection | None = None

    async def __aenter__(self) -> Self:
        with translated(str(self._file)):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            async with self._writer.begin() as connection:
                await connection.run_sync(upgrade)
                await _close_cut_answers(connection)
                await _forget_unsent(connection)
            self._appender = await open_appender(self._file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._appender is not None:
            await self._appender.close()
        await self._reader.dispose()
        await self._writer.dispose()

    def capability(self) -> Capability:
        """State of the store after the last call."""
        return self._capability

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""
        await unbroken(self._append(message_id, text))

    async def _append(self, message_id: UUID, text: str) -> None:
        async with self._watched():
            assert self._appender is not None, "the store is open"
            await self._appender.execute(APPEND, (text, message_id.hex))

    async def _read(self, work: Work[T]) -> T:
        return await unbroken(self._transaction(self._reader.begin, work))

    async def _write(self, work: Work[T]) -> T:
        return await unbroken(self._transaction(self._writer.begin, work))

    async def _transaction(
        self, begin: Callable[[], AbstractAsyncContextManager[AsyncConnection]], work: Work[T]
    ) -> T:
        async with self._watched(), begin() as connection:
            return await work(connection)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Translate errors and keep the capability as the last call found it."""
        try:
            with translated(str(self._file)):
                yield
        except StorageUnavailable as error:
            self._becomes(State.DOWN, error.message)
            raise
        self._becomes(State.OK, "")

    def _becomes(self, state: State, reason: str) -> None:
        if (state, reason) == (self._capability.state, self._capability.reason):
            return
        change = {"state": state, "reason": reason, "since": datetime.now(UTC)}
        self._capability = self._capability.model_copy(update=change)
        self._publish(CapabilityChanged(capability=self._capability))


async def _close_cut_answers(connection: AsyncConnection) -> None:
    """No answer is being written when a store is opened: those that say so were cut off by a crash."""
    await connection.execute(
        update(messages)
        .where(messages.c.status == MessageStatus.WRITING)
        .values(status=MessageStatus.INCOMPLETE, error=CUT_OFF.model_dump(mode="json"))
    )


async def _forget_unsent(connection: AsyncConnection) -> None:
    old = datetime.now(UTC) - UNSENT_FOR
    await connection.execute(
        delete(attachments).where(attachments.c.conversation_id.is_(None), attachments.c.created_at < old)
    )
