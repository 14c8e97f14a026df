"""The database that is used now, which can be held still and exchanged for another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import Conflict, StorageUnavailable
from backend_embedded.storage.database import LIMIT_S, Database, Work
from backend_embedded.storage.schema import messages

T = TypeVar("T")


class ChosenDatabase(Database):
    """Stands before a database that is opened and closed with it; what holds this one never sees an exchange.

    Args:
        current: the one to begin with.
        publish: told of being held and let go, and of an exchange.
    """

    def __init__(self, current: Database, publish: Callable[[CapabilityChanged], None]) -> None:
        super().__init__(current.capability(), publish)
        self.current = current
        self._held = ""
        self._writing_now = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def __aenter__(self) -> Self:
        await self.current.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.current.__aexit__(kind, error, trace)

    @property
    def dialect(self) -> str:  # type: ignore[override]
        """Of the one that is used now."""
        return self.current.dialect

    def capability(self) -> Capability:
        """That of the one that is used now; degraded while it is held."""
        there = self.current.capability()
        if self._held and there.state is State.OK:
            return there.model_copy(update={"state": State.DEGRADED, "reason": self._held})
        return there

    async def read(self, work: Work[T], limit_s: float = LIMIT_S) -> T:
        """Carry out `work`, which only reads."""
        return await self.current.read(work, limit_s)

    async def write(self, work: Work[T], one_by_one: str = "", limit_s: float = LIMIT_S) -> T:
        """Carry out `work`, all or nothing. Raises StorageUnavailable while the database is held."""
        async with self._counted():
            return await self.current.write(work, one_by_one, limit_s)

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""
        async with self._counted():
            await self.current.append(message_id, text)

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        if self._held:
            raise StorageUnavailable(self._held, remedy="Try again when it is done.")
        self._writing_now += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._writing_now -= 1
            if not self._writing_now:
                self._quiet.set()

    @asynccontextmanager
    async def held(self, reason: str) -> AsyncIterator[None]:
        """Refuse writes with `reason` until the block is left; reading goes on.

        Raises:
            Conflict: an answer is being written, or it is held already.
        """
        if self._held:
            raise Conflict("The data is being worked on already.", remedy="Wait until that is done.")
        self._held = reason
        try:
            await self._quiet.wait()
            if await self.current.read(_answers_being_written):
                raise Conflict("An answer is being written.", remedy="Wait for its end, or stop it.")
            self._tell()
            yield
        finally:
            self._held = ""
            self._tell()

    async def exchange(self, other: Database) -> None:
        """Use another one, which is open, from now on; the one before is closed."""
        before, self.current = self.current, other
        self._tell()
        await before.__aexit__(None, None, None)

    def _tell(self) -> None:
        self._publish(CapabilityChanged(capability=self.capability()))

    async def _reading(self, work: Work[T], limit_s: float) -> T:
        return await self.current.read(work, limit_s)

    async def _writing(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        return await self.current.write(work, one_by_one, limit_s)

    def _translated(self) -> AbstractContextManager[None]:
        return self.current._translated()

    async def _size_bytes(self, connection: AsyncConnection) -> int:
        return await self.current._size_bytes(connection)


async def _answers_being_written(connection: AsyncConnection) -> int:
    counted = select(func.count()).select_from(messages).where(messages.c.status == MessageStatus.WRITING)
    return await connection.scalar(counted) or 0
