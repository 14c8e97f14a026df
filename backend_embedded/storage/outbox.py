"""The messages that were written in the same transactions as the rows they tell of, until they are published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.storage.database import Database
from backend_embedded.storage.records import outbox, processed_messages


@dataclass(frozen=True, slots=True)
class Announced:
    """A message that waits to be published.

    Attributes:
        number: its place in the order.
        body: the message, ready for JSON.
    """

    number: int
    id: UUID
    routing_key: str
    body: dict[str, Any]


class SqlOutbox:
    """Reads the outbox; every method raises StorageUnavailable when the database is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, limit: int, after: int = 0, without: Sequence[str] = ()) -> Sequence[Announced]:
        """What is not published yet, in the order of writing, without the keys that begin so."""
        others = [~outbox.c.routing_key.startswith(beginning, autoescape=True) for beginning in without]

        async def work(connection: AsyncConnection) -> Sequence[Announced]:
            rows = await connection.execute(
                select(outbox.c.number, outbox.c.id, outbox.c.routing_key, outbox.c.body)
                .where(outbox.c.published_at.is_(None), outbox.c.number > after, *others)
                .order_by(outbox.c.number)
                .limit(limit)
            )
            return [Announced(*row) for row in rows]

        return await self._database.read(work)

    async def published(self, numbers: Sequence[int], at: datetime) -> None:
        """These were confirmed."""
        await self._change(numbers, published_at=at)

    async def failed(self, numbers: Sequence[int]) -> None:
        """These were tried in vain."""
        await self._change(numbers, attempts=outbox.c.attempts + 1)

    async def count(self) -> int:
        """How many are not published yet."""

        async def work(connection: AsyncConnection) -> int:
            counted = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
            return await connection.scalar(counted) or 0

        return await self._database.read(work)

    async def forget(self, published_before: datetime, heeded_before: datetime) -> int:
        """Remove what was published, and the marks of what was handled, before those times; how many messages."""

        async def work(connection: AsyncConnection) -> int:
            gone = await connection.execute(delete(outbox).where(outbox.c.published_at < published_before))
            await connection.execute(
                delete(processed_messages).where(processed_messages.c.at < heeded_before)
            )
            return gone.rowcount

        return await self._database.write(work)

    async def _change(self, numbers: Sequence[int], **values: Any) -> None:
        if not numbers:
            return

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(outbox).where(outbox.c.number.in_(numbers)).values(**values))

        await self._database.write(work)
