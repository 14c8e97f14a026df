"""Messages that are written with their rows: published in order, once they can be, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from queue_stage import Remembering, event, holds, task, until
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import InvalidInput, QueueUnavailable
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.messages import Message
from backend_embedded.queue.outbox import OutboxRelay
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.ledger import announce
from backend_embedded.storage.outbox import Announced, SqlOutbox
from backend_embedded.storage.records import outbox


@dataclass
class Flaky(EmbeddedQueue):
    """A queue that takes so many messages and then none."""

    file: Path
    takes: int = 1_000
    taken: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.file)

    async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
        if self.takes == 0:
            raise QueueUnavailable("The queue is gone.")
        self.takes -= 1
        own = await super().publish(routing_key, message, message_id)
        self.taken.append(own)
        return own


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with SqliteDatabase(tmp_path / "store.db", lambda _: None) as database:
        yield database


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Flaky]:
    async with Flaky(tmp_path / "queue.db") as queue:
        yield queue


async def write(database: Database, count: int, key: str = "task.created") -> list[UUID]:
    """So many messages, each in a transaction of its own; their ids in the order of writing."""
    written = []
    for number in range(count):
        body = task(number).model_dump(mode="json")
        written.append(await database.write(lambda connection, body=body: announce(connection, key, body)))
    return written


async def attempts(database: Database) -> list[int]:
    async def work(connection: AsyncConnection) -> list[int]:
        return [row.attempts for row in await connection.execute(select(outbox).order_by(outbox.c.number))]

    return await database.read(work)


async def test_what_is_written_is_published_in_order(database: Database, queue: Flaky) -> None:
    written = await write(database, 250)
    relay = OutboxRelay(SqlOutbox(database), queue)
    assert await relay.publish_all() == 250
    assert queue.taken == written
    assert await SqlOutbox(database).count() == 0
    assert await relay.publish_all() == 0


async def test_an_outage_delays_and_keeps_the_order(database: Database, queue: Flaky) -> None:
    written = await write(database, 6)
    relay = OutboxRelay(SqlOutbox(database), queue)
    queue.takes = 2
    with pytest.raises(QueueUnavailable):
        await relay.publish_all()
    assert await SqlOutbox(database).count() == 4
    assert await attempts(database) == [0, 0, 1, 0, 0, 0]
    queue.takes = 100
    written += await write(database, 1)
    assert await relay.publish_all() == 5
    assert queue.taken == written


async def test_a_transaction_that_fails_announces_nothing(database: Database, queue: Flaky) -> None:
    async def work(connection: AsyncConnection) -> None:
        await announce(connection, "event.a", event().model_dump(mode="json"))
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        await database.write(work)
    assert await OutboxRelay(SqlOutbox(database), queue).publish_all() == 0


async def test_what_was_published_and_not_marked_is_published_again(database: Database, queue: Flaky) -> None:
    written = await write(database, 2)
    await OutboxRelay(SqlOutbox(database), queue).publish_all()

    async def forget(connection: AsyncConnection) -> None:
        await connection.execute(update(outbox).values(published_at=None))

    await database.write(forget)
    await OutboxRelay(SqlOutbox(database), queue).publish_all()
    assert queue.taken == written * 2


@pytest.mark.allow_logs("Message .* of the outbox is none")
async def test_what_is_no_message_does_not_hold_up_the_others(database: Database, queue: Flaky) -> None:
    await database.write(lambda connection: announce(connection, "task.broken", {"id": "no"}))
    await database.write(lambda connection: announce(connection, "nobody.cares", {}))
    written = await write(database, 2)
    assert await OutboxRelay(SqlOutbox(database), queue).publish_all() == 2
    assert queue.taken == written
    assert await SqlOutbox(database).count() == 2


async def test_the_relay_is_woken_and_goes_on_after_an_outage(database: Database, queue: Flaky) -> None:
    queue.takes = 1
    async with OutboxRelay(SqlOutbox(database), queue, look_s=0.05) as relay:
        written = await write(database, 3)
        relay.wake()
        await until(lambda: taken(queue, 1))
        queue.takes = 100
        await until(lambda: taken(queue, 3))
    assert queue.taken == written


async def taken(queue: Flaky, count: int) -> bool:
    return len(queue.taken) == count


async def test_a_queue_that_nobody_empties_is_filled_so_far_and_no_further(
    database: Database, queue: Flaky
) -> None:
    """The rest waits with its rows, in its order, and holds up no other queue's messages."""
    tasks = await write(database, 250)
    told = [await tell(database, number) for number in range(120)]
    relay = OutboxRelay(SqlOutbox(database), queue, longest=130)
    assert await relay.publish_all() == 130 + 120
    assert queue.taken == tasks[:130] + told
    assert await relay.publish_all() == 0
    assert await SqlOutbox(database).count() == 120
    assert set(await attempts(database)) == {0}, "nothing was tried in vain"
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler, prefetch=1):
        await handler.has(130)
        await holds(queue, QueueName.TASK, 0)
    assert await relay.publish_all() == 120
    assert queue.taken == [*tasks[:130], *told, *tasks[130:]]


async def tell(database: Database, number: int) -> UUID:
    body = event(number).model_dump(mode="json")
    return await database.write(lambda connection: announce(connection, "event.a", body))


@pytest.mark.allow_logs("The outbox could not be published")
async def test_an_error_of_an_unknown_kind_is_told_and_ends_nothing(database: Database, queue: Flaky) -> None:
    class Broken(SqlOutbox):
        broken = True

        async def waiting(
            self, limit: int, after: int = 0, without: Sequence[str] = ()
        ) -> Sequence[Announced]:
            if self.broken:
                Broken.broken = False
                raise KeyError("a driver's own")
            return await super().waiting(limit, after, without)

    written = await write(database, 1)
    async with OutboxRelay(Broken(database), queue, look_s=0.05):
        await until(lambda: taken(queue, 1))
    assert queue.taken == written


async def test_a_relay_ends_while_the_queue_is_gone(database: Database, queue: Flaky) -> None:
    queue.takes = 0
    await write(database, 1)
    async with OutboxRelay(SqlOutbox(database), queue, look_s=0.05):
        await until(lambda: tried(database))
    assert await SqlOutbox(database).count() == 1


async def tried(database: Database) -> bool:
    return (await attempts(database))[0] > 1


async def test_messages_of_the_outbox_reach_a_handler(database: Database, queue: Flaky) -> None:
    written = await write(database, 3)
    handler = Remembering()
    async with OutboxRelay(SqlOutbox(database), queue), queue.consume(QueueName.TASK, handler, prefetch=1):
        await handler.has(3)
        await asyncio.wait_for(holds(queue, QueueName.TASK, 0), 10)
    assert handler.ids == written
    assert handler.numbers == [0, 1, 2]
