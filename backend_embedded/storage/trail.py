"""Events as lines of the audit log: each message once, its mark in the same transaction as its line."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.queue import EventMessage
from backend_embedded.storage.database import Database
from backend_embedded.storage.ledger import is_news, note
from backend_embedded.storage.record_ports import Actor, Delivery

LONGEST_SOURCE, LONGEST_ID = 100, 200
"""What the columns of the log take; an event of another program may have longer ones."""


class SqlTrail:
    """Writes events to the audit log; raises StorageUnavailable when the database is gone.

    Args:
        wrote: told after every line.
    """

    def __init__(self, database: Database, wrote: Callable[[], None]) -> None:
        self._database = database
        self._wrote = wrote

    async def keep(
        self, message_id: UUID, consumer: str, event: EventMessage, action: str, entity: str, entity_id: str
    ) -> bool:
        """Write a line, unless this consumer has heeded this message before; whether it was written."""

        async def work(connection: AsyncConnection) -> bool:
            if not await is_news(connection, Delivery(message_id, consumer)):
                return False
            by = Actor(event.source[:LONGEST_SOURCE])
            await note(connection, by, action, entity, entity_id[:LONGEST_ID], after=event.data)
            return True

        written = await self._database.write(work)
        if written:
            self._wrote()
        return written
