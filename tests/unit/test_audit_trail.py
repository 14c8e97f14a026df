"""The audit trail that is written from event messages: each has effect once, by a mark that is kept for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from queue_stage import event, holds, task, until
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.announcing.trail import CONSUMER, AuditTrail
from backend_embedded.contract.conversations import ConversationCreate
from backend_embedded.contract.queue import EventMessage, QueueName
from backend_embedded.errors import InvalidInput, StorageUnavailable
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.outbox import OutboxRelay
from backend_embedded.queue.port import Delivery, Outcome
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.ledger import announce
from backend_embedded.storage.outbox import SqlOutbox
from backend_embedded.storage.records import audit_logs, processed_messages
from backend_embedded.storage.trail import SqlTrail


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with SqliteDatabase(tmp_path / "store.db", lambda _: None) as database:
        yield database


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[EmbeddedQueue]:
    async with EmbeddedQueue(tmp_path / "queue.db") as queue:
        yield queue


async def lines(database: Database) -> list[tuple[str, str, str, str]]:
    async def work(connection: AsyncConnection) -> list[tuple[str, str, str, str]]:
        rows = await connection.execute(select(audit_logs).order_by(audit_logs.c.created_at))
        return [(row.actor, row.action, row.entity, row.entity_id) for row in rows]

    return await database.read(work)


async def test_a_conversation_leaves_its_trail(database: Database, queue: EmbeddedQueue) -> None:
    store = SqlConversationStore(database)
    wrote: list[int] = []
    trail = AuditTrail(SqlTrail(database, lambda: wrote.append(1)))
    async with queue.consume(QueueName.EVENT, trail), OutboxRelay(SqlOutbox(database), queue) as relay:
        made = await store.create(ConversationCreate())
        await store.remove(made.id)
        relay.wake()
        await until(lambda: written(database, 2))
        await holds(queue, QueueName.EVENT, 0)
    own = str(made.id)
    assert await lines(database) == [
        ("control_center", "created", "conversation", own),
        ("control_center", "removed", "conversation", own),
    ]
    assert len(wrote) == 2


async def written(database: Database, count: int) -> bool:
    return len(await lines(database)) == count


def created(own: UUID) -> Delivery:
    message = EventMessage(
        event_type="CONVERSATION_CREATED",
        source="tests",
        data={"conversation_id": "7"},
        timestamp=datetime.now(UTC),
    )
    return Delivery(own, "event.conversation_created", message.model_dump_json().encode())


async def test_the_same_message_has_effect_once(database: Database) -> None:
    handler = AuditTrail(SqlTrail(database, lambda: None))
    own = uuid4()
    assert [await handler(created(own)) for _ in range(3)] == [Outcome.ACK] * 3
    assert await handler(created(uuid4())) is Outcome.ACK
    assert await lines(database) == [("tests", "created", "conversation", "7")] * 2


async def test_a_mark_of_another_consumer_does_not_count(database: Database) -> None:
    own = uuid4()

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(processed_messages).values(message_id=own, consumer="another"))

    await database.write(work)
    await AuditTrail(SqlTrail(database, lambda: None))(created(own))
    assert len(await lines(database)) == 1
    assert CONSUMER != "another"


async def test_other_events_leave_no_line(database: Database) -> None:
    delivery = Delivery(uuid4(), "event.a", event().model_dump_json().encode())
    assert await AuditTrail(SqlTrail(database, lambda: None))(delivery) is Outcome.ACK
    assert await lines(database) == []


async def test_a_task_is_no_event(database: Database) -> None:
    delivery = Delivery(uuid4(), "task.a", task().model_dump_json().encode())
    with pytest.raises(InvalidInput):
        await AuditTrail(SqlTrail(database, lambda: None))(delivery)


async def test_while_the_store_is_gone_the_message_is_held() -> None:
    gone = 2

    class Trail:
        async def keep(self, *_: object) -> bool:
            nonlocal gone
            if gone:
                gone -= 1
                raise StorageUnavailable("The disk is full.")
            return True

    assert await AuditTrail(Trail(), pause_s=0.01)(created(uuid4())) is Outcome.ACK
    assert gone == 0


async def write(database: Database, count: int) -> None:
    """So many messages in the outbox, each in a transaction of its own."""
    for number in range(count):
        body = event(number).model_dump(mode="json")
        await database.write(lambda connection, body=body: announce(connection, "event.a", body))


async def test_old_marks_are_removed(database: Database, queue: EmbeddedQueue) -> None:
    await write(database, 3)
    relay = OutboxRelay(SqlOutbox(database), queue)
    await relay.publish_all()
    await write(database, 1)
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    own = uuid4()
    await AuditTrail(SqlTrail(database, lambda: None))(created(own))
    assert await SqlOutbox(database).forget(now - hour, now - hour) == 0
    assert await SqlOutbox(database).forget(now + hour, now - hour) == 3
    assert await SqlOutbox(database).count() == 1
    await AuditTrail(SqlTrail(database, lambda: None))(created(own))
    assert len(await lines(database)) == 1
    await SqlOutbox(database).forget(now - hour, now + hour)
    await AuditTrail(SqlTrail(database, lambda: None))(created(own))
    assert len(await lines(database)) == 2  # nobody knows it any longer
