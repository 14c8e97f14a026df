"""A program that publishes and handles messages as fast as it can, until it is killed.

`queue_load.py FOLDER SETTING`: the queue and the database are in the folder, SETTING is `embedded` or the address
of a broker. It prints the id of each message once it is safe: published and confirmed, or written to the outbox in
a transaction that is committed. Each message is handled by the consumer that writes the audit trail: its effect is
a line whose `entity_id` is the message's id.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from queue_stage import until
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.announcing.trail import AuditTrail
from backend_embedded.contract.queue import EventMessage, QueueName
from backend_embedded.queue.broker import Waits
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.outbox import OutboxRelay
from backend_embedded.queue.rabbitmq import RabbitQueue
from backend_embedded.queue.rabbitmq_kept_link import Patience
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.outbox import SqlOutbox
from backend_embedded.storage.records import audit_logs, outbox
from backend_embedded.storage.trail import SqlTrail

KEY = "event.conversation_created"
PUBLISHERS, WRITERS = 8, 2


@dataclass
class Loaded:
    """A queue with all that works at it.

    Attributes:
        own: the part of the queue in the program's file.
    """

    database: Database
    own: EmbeddedQueue
    queue: FailoverQueue
    relay: OutboxRelay
    outbox: SqlOutbox

    async def publish(self) -> UUID:
        """Publish one message; its id once it is confirmed."""
        own = uuid4()
        return await self.queue.publish(KEY, message(own), own)

    async def write(self) -> UUID:
        """Write one message to the outbox; its id once that is committed."""
        own = uuid4()
        row = {"id": own, "routing_key": KEY, "body": message(own).model_dump(mode="json")}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(outbox).values(row))

        await self.database.write(work)
        self.relay.wake()
        return own

    async def effects(self) -> dict[str, int]:
        """How often each message had effect."""

        async def work(connection: AsyncConnection) -> dict[str, int]:
            rows = await connection.execute(
                select(audit_logs.c.entity_id, func.count()).group_by(audit_logs.c.entity_id)
            )
            return {str(row[0]): int(row[1]) for row in rows}

        return await self.database.read(work)

    async def waiting(self) -> int:
        """Messages that are not handled yet, wherever they are."""
        depths = [depth for depth in await self.queue.depths() if depth.name is not QueueName.DEAD]
        there = sum(depth.ready + depth.unacknowledged for depth in depths)
        return there + await self.outbox.count()


def message(own: UUID) -> EventMessage:
    """An event whose line in the audit log names the message."""
    return EventMessage(
        event_type="CONVERSATION_CREATED",
        source="load",
        data={"conversation_id": str(own)},
        timestamp=datetime.now(UTC),
    )


@asynccontextmanager
async def loaded(folder: Path, setting: str) -> AsyncIterator[Loaded]:
    """The queue of a folder, with its relay and its consumer."""

    async def broker(url: str, changed: Callable[[], None]) -> RabbitQueue:
        return RabbitQueue(url, None, changed, Patience(check_s=1.0, longest_s=1.0))

    async with (
        SqliteDatabase(folder / "store.db", lambda _: None) as database,
        EmbeddedQueue(folder / "queue.db") as own,
        FailoverQueue(own, lambda: setting, broker, waits=Waits(look_s=1.0)) as queue,
        OutboxRelay(SqlOutbox(database), queue, look_s=0.5) as relay,
        queue.consume(QueueName.EVENT, AuditTrail(SqlTrail(database, lambda: None))),
    ):
        yield Loaded(database, own, queue, relay, SqlOutbox(database))


async def serves(there: Loaded, provider: str) -> bool:
    """Whether it serves the queue."""
    return there.queue.capability().provider == provider


async def main(folder: Path, setting: str) -> None:
    """Publish for ever."""
    async with loaded(folder, setting) as there:

        async def go_on(say: Callable[[], Awaitable[UUID]]) -> None:
            while True:
                own = await say()
                sys.stdout.write(f"{own}\n")
                sys.stdout.flush()

        wanted = "embedded" if setting == "embedded" else "rabbitmq"
        await until(lambda: serves(there, wanted))
        await asyncio.gather(
            *(go_on(there.publish) for _ in range(PUBLISHERS)), *(go_on(there.write) for _ in range(WRITERS))
        )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
