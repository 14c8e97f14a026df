"""The queue that is always there: broker and own file in turn, with a broker that the test switches."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from queue_stage import Remembering, event, holds, task, until

from backend_embedded.contract.queue import QueueDepth, QueueName
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput, NotFound, QueueUnavailable
from backend_embedded.queue.broker import AUTO, EMBEDDED, REFUSED, Waits
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.joining import JoinedHandler
from backend_embedded.queue.port import Delivery, Outcome
from backend_embedded.resilience.breaker import BreakerLimits, CircuitBreaker

URL = "amqp://broker/"


class Broker(EmbeddedQueue):
    """An embedded queue that can be gone or hang, in the place of a broker; it passes the same suite."""

    def __init__(self, file: Path, changed: Callable[[], None]) -> None:
        super().__init__(file)
        self.connected = asyncio.Event()
        self.connected.set()
        self.reason = ""
        self.failure: QueueUnavailable | None = None
        self.changed = changed
        self.hanging = False
        self.full = False
        self.sends = 0
        self.looks = 0

    def look_soon(self) -> None:
        self.looks += 1

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        self.sends += 1
        await self._answer()
        if self.full:
            raise QueueUnavailable("It does not take the message.")
        await super().send(routing_key, body, message_id)

    async def forward(self, delivery: Delivery) -> None:
        await self.send(delivery.routing_key, delivery.body, delivery.message_id)

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

    def refuses(self) -> None:
        """What a broker does that is there and does not let us in."""
        self.connected.clear()
        self.reason = "RabbitMQ at broker:5672 refuses the user guest or the password."
        self.failure = QueueUnavailable(self.reason, remedy="Give its address.", **{REFUSED: True})

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
        unlike: addresses that refuse us.
        broken: makes no broker, but this error.
    """

    folder: Path
    setting: str = URL
    made: list[Broker] = field(default_factory=list)
    told: list[Capability] = field(default_factory=list)
    usual: tuple[str, ...] = ()
    unlike: set[str] = field(default_factory=set)
    broken: Exception | None = None
    breaker: CircuitBreaker = field(default_factory=lambda: CircuitBreaker(BreakerLimits(open_s=0.2)))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FailoverQueue]:
        async def make(url: str, changed: Callable[[], None]) -> Broker:
            if self.broken is not None:
                raise self.broken
            self.made.append(Broker(self.folder / "broker.db", changed))
            if url in self.unlike:
                self.made[-1].refuses()
            return self.made[-1]

        async with EmbeddedQueue(self.folder / "queue.db") as self.own:
            queue = FailoverQueue(
                self.own,
                lambda: self.setting,
                make,
                self.told.append,
                self.usual,
                Waits(0.1, 0.05),
                self.breaker,
            )
            async with queue:
                if self.setting == URL and self.broken is None:
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


async def test_after_five_failures_it_is_not_even_asked_until_a_time_that_is_told(desk: Desk) -> None:
    now_s = 0.0
    desk.breaker = CircuitBreaker(clock=lambda: now_s)
    async with desk.open() as queue:
        desk.broker.full = True  # it answers, and takes nothing
        for number in range(5):
            await queue.publish("task.a", task(number))
        await until(lambda: _true(queue.circuit == "open"))
        asked = desk.broker.sends
        assert asked >= 5
        looks = len(desk.told)
        await queue.publish("task.a", task(5))
        queue.look_soon()
        await holds(desk.own, QueueName.TASK, 6)
        capability = queue.capability()
        assert (capability.state, capability.provider) == (State.DEGRADED, "embedded")
        assert f"in time. {desk.breaker.told} Messages are kept" in capability.reason
        assert "asked again at" in desk.told[-1].reason
        assert desk.broker.sends == asked
        assert len(desk.told) == looks, "and that is said once"
        desk.broker.full = False
        now_s = 30.0
        queue.look_soon()
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 6)
        assert queue.circuit == "closed"


async def test_failures_with_good_calls_between_them_do_not_add_up(desk: Desk) -> None:
    desk.breaker = CircuitBreaker(clock=lambda: 0.0)
    async with desk.open() as queue:
        for number in range(20):
            desk.broker.full = number % 2 == 0
            await queue.publish("task.a", task(number))
        assert queue.circuit == "closed"


async def test_a_new_connection_begins_with_a_closed_circuit(desk: Desk) -> None:
    desk.breaker = CircuitBreaker(clock=lambda: 0.0)
    async with desk.open() as queue:
        desk.broker.full = True
        for number in range(5):
            await queue.publish("task.a", task(number))
        await until(lambda: _true(queue.circuit == "open"))
        desk.broker.goes()
        desk.broker.full = False
        desk.broker.comes()
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 5)


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


async def test_auto_says_who_refuses_and_is_no_failure(desk: Desk) -> None:
    with listening(2) as (first, second):
        desk.setting, desk.usual, desk.unlike = AUTO, (first, second), {first}
        async with desk.open() as queue:
            await until(lambda: provided(queue, "rabbitmq"))  # the other place is the right one
            assert queue.capability().reason == ""
        desk.unlike, told = {first, second}, len(desk.told)
        async with desk.open() as queue:
            await until(lambda: _true(queue.capability().reason.count("refuses") == 2))
            capability = queue.capability()
            assert (capability.state, capability.provider) == (State.OK, "embedded")
            assert capability.reason.endswith("refuses the user guest or the password. Give its address.")
            made = len(desk.made)
            await until(lambda: _true(len(desk.made) > made + 3))  # they are tried again and again
            assert [one.reason for one in desk.told[told:]] == [capability.reason], "and it is said once"
            desk.setting = EMBEDDED
            queue.look_soon()
            await until(lambda: _true(queue.capability().reason == ""))
            desk.setting = first
            queue.look_soon()
            await until(lambda: _true(queue.capability().state is State.DEGRADED))


@contextmanager
def listening(count: int) -> Iterator[tuple[str, ...]]:
    """Addresses of this machine where somebody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        yield tuple(f"amqp://127.0.0.1:{one.getsockname()[1]}/" for one in sockets)


@pytest.mark.allow_logs("The look for a message broker failed")
async def test_a_look_that_fails_in_an_unknown_way_is_told_and_is_not_the_last_one(desk: Desk) -> None:
    desk.broken = KeyError("the driver")
    async with desk.open() as queue:
        await until(lambda: _true(queue.capability().state is State.DEGRADED))
        assert "cannot be used: 'the driver'" in queue.capability().reason
        await until(lambda: _true(bool(desk.told)))
        await queue.publish("task.a", task())
        desk.broken = None
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 1)


async def _true(value: bool) -> bool:
    return value


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
