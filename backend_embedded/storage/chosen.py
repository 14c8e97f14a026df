"""The database that is used now, which can be held still and exchanged for another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import Conflict, StorageUnavailable
from backend_embedded.storage.database import LIMIT_S, Database, Work
from backend_embedded.storage.schema import IS_WRITING, messages

T = TypeVar("T")


class _Calls:
    """Those that are under way."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more, until the block is left."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def ended(self) -> None:
        """Return when there is none."""
        await self._none.wait()


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
        self._reads = _Calls()
        self._writes = _Calls()
        self._open = asyncio.Event()
        self._open.set()

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

    @property
    def home_id(self) -> UUID | None:  # type: ignore[override]
        """Of the one that is used now."""
        return self.current.home_id

    @property
    def place(self) -> str:  # type: ignore[override]
        """Of the one that is used now."""
        return self.current.place

    def capability(self) -> Capability:
        """That of the one that is used now; degraded while it is held."""
        there = self.current.capability()
        if self._held and there.state is State.OK:
            return there.model_copy(update={"state": State.DEGRADED, "reason": self._held})
        return there

    async def read(self, work: Work[T], limit_s: float = LIMIT_S) -> T:
        """Carry out `work`, which only reads."""
        with self._reads.counted():
            return await self.current.read(work, limit_s)

    async def write(self, work: Work[T], one_by_one: str = "", limit_s: float = LIMIT_S) -> T:
        """Carry out `work`, all or nothing. Raises StorageUnavailable while the database is held."""
        await self._refuse_while_held()
        with self._writes.counted():
            return await self.current.write(work, one_by_one, limit_s)

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""
        await self._refuse_while_held()
        with self._writes.counted():
            await self.current.append(message_id, text)

    async def _refuse_while_held(self) -> None:
        """Return when writing is allowed; whether it will be may still have to be found out."""
        while not self._open.is_set():
            await self._open.wait()
        if self._held:
            raise StorageUnavailable(self._held, remedy="Try again when it is done.")

    @asynccontextmanager
    async def held(self, reason: str) -> AsyncIterator[None]:
        """Refuse writes with `reason` until the block is left; reading goes on.

        Raises:
            Conflict: an answer is being written, or it is held already.
        """
        if self._held or not self._open.is_set():
            raise Conflict("The data is being worked on already.", remedy="Wait until that is done.")
        # Until it is clear, writes wait: the answer on whose account this is refused must not be cut by it.
        self._open.clear()
        try:
            await self._writes.ended()
            if await self.current.read(_answers_being_written):
                raise Conflict("An answer is being written.", remedy="Wait for its end, or stop it.")
            self._held = reason
        finally:
            self._open.set()
        try:
            self._tell()
            yield
        finally:
            self._held = ""
            self._tell()

    async def exchange(self, other: Database) -> None:
        """Use another one, which is open, from now on; the one before is closed when nobody reads it any more."""
        before, self.current = self.current, other
        reads, self._reads = self._reads, _Calls()
        self._tell()
        await reads.ended()
        await before.__aexit__(None, None, None)

    def _tell(self) -> None:
        self._publish(CapabilityChanged(capability=self.capability()))

    async def _reading(self, work: Work[T], limit_s: float) -> T:
        return await self.current.read(work, limit_s)

    async def _writing(self, work: Work[T], one_by_one: str, limit_s: float) -> T:
        return await self.current.write(work, one_by_one, limit_s)

    def translated(self) -> AbstractContextManager[None]:
        """Raise errors of this program in place of the driver's."""
        return self.current.translated()

    async def _size_bytes(self, connection: AsyncConnection) -> int:
        return await self.current._size_bytes(connection)


async def _answers_being_written(connection: AsyncConnection) -> int:
    counted = select(func.count()).select_from(messages).where(IS_WRITING)
    return await connection.scalar(counted) or 0
