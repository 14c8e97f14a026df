"""A SQL database, whichever product serves it: its transactions, which are never torn, and its state."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import StorageError, StorageUnavailable
from backend_embedded.storage.connections import unbroken
from backend_embedded.storage.records import tasks
from backend_embedded.storage.schema import IS_WRITING, attachments, conversations, messages

T = TypeVar("T")
Work = Callable[[AsyncConnection], Coroutine[Any, Any, T]]

CUT_OFF = ErrorBody(
    code=ErrorCode.ENGINE_CRASHED,
    message="The backend ended while it was answering.",
    remedy="Continue the answer, or ask again.",
)
UNSENT_FOR = timedelta(days=7)
"""Files that were uploaded and never sent are removed after this."""
ABANDONED_AFTER = timedelta(hours=6)
"""An answer of another home that nobody touched for so long: its backend will not end it any more."""
COUNTED_EVERY_S = 30.0
LIMIT_S = 10.0
"""Longest time of a transaction; only a database in another process can take that long."""


class Database(ABC):
    """Transactions, and the capability as the last call found it; open with `async with`.

    Args:
        capability: who serves, and the state before the first call.
        publish: told when the store becomes unusable and usable again.
    """

    dialect: str
    """SQLAlchemy's name of it: `sqlite` or `postgresql`."""
    home_id: UUID | None = None
    """Whose answers are written here, where several homes may share a database; None: nobody shares it."""
    place: str
    """Which data this is: the same for all who share it and for nobody else, in a cache that they use together."""

    def __init__(self, capability: Capability, publish: Callable[[CapabilityChanged], None]) -> None:
        self._capability = capability
        self._publish = publish
        self._latency_ms: float | None = None
        self._holds = ""
        self._counted_s = -math.inf

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""

    @abstractmethod
    async def _reading(self, work: Work[T], limit_s: float) -> T:
        """Carry out `work` in a transaction that sees one state of the data throughout."""

    @abstractmethod
    async def _writing(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        """Carry out `work` in a transaction that is committed at its end."""

    @abstractmethod
    def translated(self) -> AbstractContextManager[None]:
        """Raise errors of this program in place of the driver's."""

    @abstractmethod
    async def _size_bytes(self, connection: AsyncConnection) -> int:
        """What the data takes on disk."""

    def capability(self) -> Capability:
        """State of the store after the last call."""
        return self._capability.model_copy(update={"latency_ms": self._latency_ms, "holds": self._holds})

    async def read(self, work: Work[T], limit_s: float = LIMIT_S) -> T:
        """Carry out `work`, which only reads; it sees one state of the data throughout."""
        return await unbroken(self._read(work, limit_s))

    async def write(self, work: Work[T], one_by_one: str = "", limit_s: float = LIMIT_S) -> T:
        """Carry out `work`, all or nothing; it may be begun anew, so that it must change nothing else.

        Args:
            one_by_one: names writes that never run side by side. SQLite has none that do.
        """
        return await unbroken(self._write(work, one_by_one, limit_s))

    async def _read(self, work: Work[T], limit_s: float) -> T:
        async with self._watched():
            done = await self._reading(work, limit_s)
        await self._count_now_and_then()
        return done

    async def _write(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        async with self._watched():
            done = await self._writing(work, one_by_one, limit_s)
        await self._count_now_and_then()
        return done

    async def _count_now_and_then(self) -> None:
        """Look at what the store holds: not at the start, which need not wait for it."""
        if time.monotonic() - self._counted_s <= COUNTED_EVERY_S:
            return
        self._counted_s = time.monotonic()

        async def work(connection: AsyncConnection) -> str:
            chats = await connection.scalar(
                select(func.count()).select_from(conversations).where(conversations.c.deleted_at.is_(None))
            )
            jobs = await connection.scalar(select(func.count()).select_from(tasks))
            size = await self._size_bytes(connection)
            return f"{chats} conversations, {jobs} tasks, {size / 1e6:.1f} MB"

        try:
            with self.translated():
                self._holds = await self._reading(work, LIMIT_S)
        except StorageError:
            self._holds = ""  # what is wrong is told by the call that needs the store

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Translate errors and keep the capability as the last call found it."""
        began = time.perf_counter()
        try:
            with self.translated():
                yield
        except StorageUnavailable as error:
            self._becomes(State.DOWN, error.message)
            raise
        self._latency_ms = round((time.perf_counter() - began) * 1_000, 2)
        self._becomes(State.OK, "")

    def _becomes(self, state: State, reason: str) -> None:
        """Tell a change of the state."""
        if (state, reason) == (self._capability.state, self._capability.reason):
            return
        change = {"state": state, "reason": reason, "since": datetime.now(UTC)}
        self._capability = self._capability.model_copy(update=change)
        self._publish(CapabilityChanged(capability=self.capability()))


async def set_in_order(connection: AsyncConnection, home_id: UUID | None = None) -> None:
    """What a store needs when it is opened: answers that a crash cut off, files that were never sent.

    Args:
        home_id: only its own answers are ended, and those that nobody will end; None: all of them.
    """
    now = datetime.now(UTC)
    await connection.execute(
        update(messages)
        .where(IS_WRITING, true() if home_id is None else _left_by(home_id, now))
        .values(status=MessageStatus.INCOMPLETE, error=CUT_OFF.model_dump(mode="json"))
    )
    old = now - UNSENT_FOR
    await connection.execute(
        delete(attachments).where(attachments.c.conversation_id.is_(None), attachments.c.created_at < old)
    )


def _left_by(home_id: UUID, now: datetime) -> ColumnElement[bool]:
    """Answers that no running backend goes on with, when that of this home is just starting."""
    touched = select(conversations.c.updated_at).where(conversations.c.id == messages.c.conversation_id)
    return or_(
        messages.c.home_id == home_id,
        messages.c.home_id.is_(None),
        touched.scalar_subquery() < now - ABANDONED_AFTER,
    )
