"""The queue that is always there: broker and own file in turn, with a broker that the test switches."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from queue_stage import Remembering, event, holds, task, until

from backend_embedded.contract.queue import QueueDepth, QueueName
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput, NotFound, QueueUnavailable
from backend_embedded.queue.broker import AUTO, EMBEDDED, Waits
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.joining import JoinedHandler
from backend_embedded.queue.port import Delivery, Outcome

URL = "amqp://broker/"


class Broker(EmbeddedQueue):
    """An embedded queue that can be gone or hang, in the place of a broker; it passes the same suite."""

    def __init__(self, file: Path, changed: Callable[[], None]) -> None:
        super().__init__(file)
        self.connected = asyncio.Event()
        self.connected.set()
        self.reason = ""
        self.changed = changed
        self.hanging = False
        self.looks = 0

    def look_soon(self) -> None:
        self.looks += 1

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        await self._answer()
        await super().send(routing_key, body, message_id)

    async def forward(self, delivery: Delivery) -> None:
        await self._answer()
        await super().send(delivery.routing_key, delivery.body, delivery.message_id)

    async def depths(self) -> tuple[QueueDepth, ...]:
        await self._answer()
        return await super().depths()

    async def _answer(self) -> None:
        if self.hanging:
            try:
                async with asyncio.timeout(0.1):
                    await asyncio.Event().wait()
            except TimeoutError as error:
                raise QueueUnavailable("It does not answer in time.") from error
        if not self.connected.is_set():
            raise QueueUnavailable(self.reason)

    def capability(self) -> Capability:
        return super().capability().model_copy(update={"provider": "rabbitmq", "product": "RabbitMQ 9"})

    def goes(self) -> None:
        self.reason = "RabbitMQ went away."
        self.connected.clear()
        self.changed()

    def comes(self) -> None:
        self.reason = ""
        self.connected.set()
        self.changed()


@dataclass
class Desk:
    """A failover queue with its parts.

    Attributes:
        made: the brokers that were made, the newest last.
        told: the capabilities that were told.
    """

    folder: Path
    setting: str = URL
    made: list[Broker] = field(default_factory=list)
    told: list[Capability] = field(default_factory=list)
    usual: tuple[str, ...] = ()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FailoverQueue]:
        async def make(url: str, changed: Callable[[], None]) -> Broker:
            self.made.append(Broker(self.folder / "broker.db", changed))
            return self.made[-1]

        async with EmbeddedQueue(self.folder / "queue.db") as self.own:
            queue = FailoverQueue(
                self.own, lambda: self.setting, make, self.told.append, self.usual, Waits(0.1, 0.05)
            )
            async with queue:
                if self.setting == URL:
                    await until(lambda: provided(queue, "rabbitmq"))
                yield queue

    @property
    def broker(self) -> Broker:
        return self.made[-1]


async def provided(queue: FailoverQueue, provider: str) -> bool:
    return queue.capability().provider == provider


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_with_a_broker_it_has_the_messages(desk: Desk) -> None:
    async with desk.open() as queue:
        await queue.publish("task.a", task())
        await holds(desk.broker, QueueName.TASK, 1)
        await holds(desk.own, QueueName.TASK, 0)
        await holds(queue, QueueName.TASK, 1)
        assert (queue.capability().state, queue.capability().product) == (State.OK, "RabbitMQ 9")


async def test_without_one_the_own_file_has_them(desk: Desk) -> None:
    desk.setting = EMBEDDED
    async with desk.open() as queue:
        await queue.publish("task.a", task())
        await holds(desk.own, QueueName.TASK, 1)
        capability = queue.capability()
    assert (capability.state, capability.provider, capability.reason) == (State.OK, "embedded", "")
    assert capability.holds == "1 message, 0 dead letters"
    assert (desk.made, desk.told) == ([], [])


async def test_a_lost_broker_is_told_and_gets_what_was_kept(desk: Desk) -> None:
    async with desk.open() as queue:
        desk.broker.goes()
        sent = [await queue.publish("task.a", task(number)) for number in range(3)]
        await until(lambda: provided(queue, "embedded"))
        capability = queue.capability()
        assert capability.state is State.DEGRADED
        assert capability.reason.startswith("RabbitMQ went away. Messages are kept in the program")
        await holds(desk.own, QueueName.TASK, 3)
        desk.broker.comes()
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 3)
        await holds(desk.own, QueueName.TASK, 0)
        handler = Remembering()
        async with queue.consume(QueueName.TASK, handler):
            await handler.has(3)
    assert handler.ids == sent
    states = [(one.provider, one.state) for one in desk.told]
    assert states == [("rabbitmq", State.OK), ("embedded", State.DEGRADED), ("rabbitmq", State.OK)]


async def test_a_broker_that_does_not_confirm_is_not_waited_for(desk: Desk) -> None:
    async with desk.open() as queue:
        desk.broker.hanging = True
        began = time.perf_counter()
        await queue.publish("task.a", task(1))
        assert time.perf_counter() - began < 0.5
        assert desk.broker.looks == 1
        assert queue.capability().provider == "embedded"
        await asyncio.gather(*(queue.publish("task.a", task(number)) for number in range(2, 6)))
        desk.broker.hanging = False
        await holds(desk.own, QueueName.TASK, 0)
        await holds(desk.broker, QueueName.TASK, 5)
        await queue.publish("task.a", task(6))
        await holds(desk.broker, QueueName.TASK, 6)
        assert queue.capability().provider == "rabbitmq"


async def test_after_five_failures_it_is_not_even_asked(desk: Desk) -> None:
    async with desk.open() as queue:
        desk.broker.hanging = True
        # Together: the look between two of them would give it another chance.
        await asyncio.gather(*(queue.publish("task.a", task(number)) for number in range(5)))
        began = time.perf_counter()
        await queue.publish("task.a", task(5))
        assert time.perf_counter() - began < 0.1


async def test_handlers_work_at_both(desk: Desk) -> None:
    handler = Remembering()
    async with desk.open() as queue, queue.consume(QueueName.EVENT, handler):
        first = await queue.publish("event.a", event(1))
        await handler.has(1)
        desk.broker.goes()
        second = await queue.publish("event.a", event(2))
        await handler.has(2)
        await holds(desk.own, QueueName.EVENT, 0)
        desk.broker.comes()
        await until(lambda: provided(queue, "rabbitmq"))
        third = await queue.publish("event.a", event(3))
        await handler.has(3)
        await holds(queue, QueueName.EVENT, 0)
    assert handler.ids == [first, second, third]


async def test_another_setting_leaves_the_broker(desk: Desk) -> None:
    handler = Remembering()
    async with desk.open() as queue, queue.consume(QueueName.EVENT, handler):
        desk.setting = EMBEDDED
        queue.look_soon()
        await until(lambda: provided(queue, "embedded"))
        assert queue.capability().state is State.OK
        await queue.publish("event.a", event(1))
        await handler.has(1)
        await holds(desk.own, QueueName.EVENT, 0)
        desk.setting = URL
        queue.look_soon()
        await until(lambda: provided(queue, "rabbitmq"))
        await queue.publish("event.a", event(2))
        await handler.has(2)
    assert len(desk.made) == 2


async def test_auto_takes_what_listens(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_server(("127.0.0.1", 0)) as closed:
        silent = closed.getsockname()[1]
        closed.close()
        desk.setting = AUTO
        desk.usual = (f"amqp://127.0.0.1:{silent}/", f"amqp://127.0.0.1:{there.getsockname()[1]}/")
        async with desk.open() as queue:
            await until(lambda: provided(queue, "rabbitmq"))
    assert len(desk.made) == 1


async def test_auto_without_a_broker_is_no_failure(desk: Desk) -> None:
    desk.setting = AUTO
    async with desk.open() as queue:
        await queue.publish("event.a", event())
        assert queue.capability().state is State.OK
    assert (desk.made, desk.told) == ([], [])


async def test_dead_letters_of_both(desk: Desk) -> None:
    async with desk.open() as queue:
        handler = Remembering({1: Outcome.REJECT, 2: Outcome.REJECT})
        async with queue.consume(QueueName.TASK, handler):
            theirs = str(await queue.publish("task.a", task(1)))
            await holds(queue, QueueName.DEAD, 1)
            desk.broker.goes()
            ours = str(await queue.publish("task.a", task(2)))
            await holds(desk.own, QueueName.DEAD, 1)
            desk.broker.comes()
            await until(lambda: provided(queue, "rabbitmq"))
        assert [one.id for one in (await queue.dead_letters()).letters] == [theirs, ours]
        assert [one.id for one in (await queue.dead_letters(5, 1)).letters] == [ours]
        assert [one.id for one in (await queue.dead_letters(1)).letters] == [theirs]
        assert (await queue.dead_letters(1)).total == 2
        assert (await queue.dead_letter(ours)).body["payload"] == {"number": 2}
        assert str(await queue.send_again(ours)) == ours
        await holds(desk.broker, QueueName.TASK, 1)  # handed over
        await queue.discard(theirs)
        with pytest.raises(NotFound):
            await queue.dead_letter(theirs)


async def test_what_no_queue_takes_is_refused(desk: Desk) -> None:
    async with desk.open() as queue:
        with pytest.raises(InvalidInput):
            await queue.publish("nobody.cares", task())
        with pytest.raises(InvalidInput):
            async with queue.consume(QueueName.DEAD, Remembering()):
                pass


# -- the same message twice at once ---------------------------------------------------------------


async def test_a_message_that_comes_twice_at_once_is_worked_at_once() -> None:
    remembering = Remembering(hold=asyncio.Event())
    handler = JoinedHandler(remembering)
    own = event(4)
    delivery = Delivery(UUID(int=1), "event.a", own.model_dump_json().encode())
    both = [asyncio.create_task(handler(delivery)) for _ in range(2)]
    await remembering.has(1)
    assert remembering.hold is not None
    remembering.hold.set()
    assert await asyncio.gather(*both) == [Outcome.ACK, Outcome.ACK]
    assert len(remembering.got) == 1
    await handler(delivery)
    assert len(remembering.got) == 2  # what comes later, the mark of the effect recognises


async def test_who_waits_for_a_cancelled_one_has_it_come_again() -> None:
    remembering = Remembering(hold=asyncio.Event())
    handler = JoinedHandler(remembering)
    delivery = Delivery(UUID(int=1), "event.a", event(4).model_dump_json().encode())
    first, second = (asyncio.create_task(handler(delivery)) for _ in range(2))
    await remembering.has(1)
    first.cancel()
    assert await second is Outcome.REQUEUE
    with pytest.raises(asyncio.CancelledError):
        await first
    assert remembering.now == 0
