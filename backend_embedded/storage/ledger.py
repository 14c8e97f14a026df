"""What a change leaves behind in its own transaction: a line in the audit log, a message in the outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sqlalchemy import Uuid, bindparam, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.ledger import AuditLine
from backend_embedded.contract.queue import EventMessage
from backend_embedded.storage.database import Database
from backend_embedded.storage.paging import page
from backend_embedded.storage.record_ports import Actor, Delivery, Listing, Page
from backend_embedded.storage.records import audit_logs, outbox
from backend_embedded.storage.rows import AnyRow
from backend_embedded.storage.schema import UtcDateTime

SOURCE = "control_center"
"""Where an event happens that no agent brings about."""
HEED = text(
    "INSERT INTO processed_messages (message_id, consumer, at) VALUES (:message_id, :consumer, :at) "
    "ON CONFLICT DO NOTHING"
).bindparams(bindparam("message_id", type_=Uuid), bindparam("at", type_=UtcDateTime))


async def note(
    connection: AsyncConnection,
    by: Actor,
    action: str,
    entity: str,
    entity_id: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """Leave a line in the audit log; `before` and `after` hold the fields that changed, ready for JSON."""
    await connection.execute(
        insert(audit_logs),
        {
            "id": uuid4(),
            "created_at": datetime.now(UTC),
            "actor": by.name,
            "user_id": by.user_id,
            "action": action,
            "entity": entity,
            "entity_id": entity_id,
            "correlation_id": by.correlation_id,
            "before": before,
            "after": after,
        },
    )


async def announce(connection: AsyncConnection, routing_key: str, body: dict[str, Any]) -> UUID:
    """Write a message that is published once the transaction is committed; its id."""
    message_id = uuid4()
    await connection.execute(
        insert(outbox),
        {
            "id": message_id,
            "routing_key": routing_key,
            "body": body,
            "created_at": datetime.now(UTC),
        },
    )
    return message_id


async def announce_event(
    connection: AsyncConnection, event_type: str, source: str, data: dict[str, Any]
) -> None:
    """Write an event message, as `AGENT_STATUS_CHANGE`; its routing key is `event.agent_status_change`."""
    message = EventMessage(event_type=event_type, source=source, data=data, timestamp=datetime.now(UTC))
    await announce(connection, f"event.{event_type.lower()}", message.model_dump(mode="json"))


async def is_news(connection: AsyncConnection, told: Delivery) -> bool:
    """Whether a consumer hears a message for the first time; it is noted that it has.

    Of two transactions that hear it at once, the second waits for the end of the first.
    """
    noted = await connection.execute(
        HEED, {"message_id": told.message_id, "consumer": told.consumer, "at": datetime.now(UTC)}
    )
    return noted.rowcount == 1


def as_uuid(correlation_id: str) -> UUID:
    """A correlation id as the queue's messages have it; the same text gives the same id."""
    try:
        return UUID(correlation_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, correlation_id) if correlation_id else uuid4()


class SqlAuditLog:
    """Reads the audit log; see `AuditLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lines(self, wanted: Listing) -> Page[AuditLine]:
        """A part of the log."""
        return await self._database.read(lambda connection: page(connection, audit_logs, wanted, _line))


def _line(row: AnyRow) -> AuditLine:
    return AuditLine.model_validate(dict(row._mapping))
