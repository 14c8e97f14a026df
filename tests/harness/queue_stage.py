"""What tests of the message queue need: messages, handlers that remember, a broker's clean slate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import aio_pika

from backend_embedded.contract.queue import EventMessage, QueueName, ResultMessage, ResultStatus, TaskMessage
from backend_embedded.queue.messages import Message
from backend_embedded.queue.port import Delivery, MessageQueue, Outcome
from backend_embedded.queue.rabbitmq_link import RabbitLink

PATIENCE_S = 30.0
Open = Callable[[], AbstractAsyncContextManager[MessageQueue]]
"""Opens a queue, again and again; what it holds stays."""
AT = datetime(2025, 8, 8, 10, tzinfo=UTC)
KEYS = {QueueName.TASK: "task.process", QueueName.RESULT: "result.done", QueueName.EVENT: "event.happened"}


def task(number: int = 0) -> TaskMessage:
    return TaskMessage(id=uuid4(), payload={"number": number}, timestamp=AT, correlation_id=uuid4())


def result(number: int = 0) -> ResultMessage:
    return ResultMessage(task_id=uuid4(), status=ResultStatus.SUCCESS, result={"number": number})


def event(number: int = 0) -> EventMessage:
    return EventMessage(
        event_type="AGENT_STATUS_CHANGE", source="tests", data={"number": number}, timestamp=AT
    )


MAKE: dict[QueueName, Callable[[int], Message]] = {
    QueueName.TASK: task,
    QueueName.RESULT: result,
    QueueName.EVENT: event,
}


def number_of(delivery: Delivery) -> int:
    """The number that the message was made with."""
    match delivery.message():
        case TaskMessage(payload=facts) | ResultMessage(result=facts) | EventMessage(data=facts):
            return int(facts["number"])


@dataclass
class Remembering:
    """A handler that keeps what it gets and answers as it is told.

    Attributes:
        answers: by number of the message; others are acknowledged.
        hold: it waits for this before it answers.
        most: how many messages it had at once.
    """

    answers: dict[int, Outcome] = field(default_factory=dict)
    hold: asyncio.Event | None = None
    got: list[Delivery] = field(default_factory=list)
    now: int = 0
    most: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, delivery: Delivery) -> Outcome:
        self.got.append(delivery)
        self.now += 1
        self.most = max(self.most, self.now)
        self.changed.set()
        try:
            if self.hold is not None:
                await self.hold.wait()
            return self.answers.get(number_of(delivery), Outcome.ACK)
        finally:
            self.now -= 1

    @property
    def numbers(self) -> list[int]:
        return [number_of(one) for one in self.got]

    @property
    def ids(self) -> list[UUID]:
        return [one.message_id for one in self.got]

    async def has(self, count: int, patience_s: float = PATIENCE_S) -> None:
        """Return when it was handed so many messages."""
        async with asyncio.timeout(patience_s):
            while len(self.got) < count:
                self.changed.clear()
                await self.changed.wait()


async def until(condition: Callable[[], Awaitable[bool]], patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + patience_s
    while not await condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        await asyncio.sleep(0.02)


async def holds(queue: MessageQueue, name: QueueName, ready: int, unacknowledged: int = 0) -> None:
    """Return when a queue has so many messages."""

    async def there() -> bool:
        depth = next(depth for depth in await queue.depths() if depth.name is name)
        return (depth.ready, depth.unacknowledged) == (ready, unacknowledged)

    await until(there)


async def wipe(url: str) -> None:
    """Take all messages from a broker."""
    link = await RabbitLink.open(url, lambda: None)
    await link.close()
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        for name in QueueName:
            await (await channel.get_queue(name.value)).purge()


async def remove(url: str, name: QueueName) -> None:
    """Take a queue away from a broker."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(name.value)
