"""A real RabbitMQ that is stopped, killed, or hangs in the middle of load: nothing confirmed is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import aio_pika
import pytest
from own_time import own_s
from queue_load import Loaded, loaded
from queue_stage import Remembering, event, holds, remove, task, until, wipe
from real_rabbitmq import RealRabbit

from backend_embedded.contract.queue import QueueName
from backend_embedded.contract.status import State
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.rabbitmq import RabbitQueue
from backend_embedded.queue.rabbitmq_kept_link import Patience

pytestmark = [
    pytest.mark.services,
    pytest.mark.timeout(600),
    # A broker that was started again is ended by its fixture.
    pytest.mark.leaves("threads", "children"),
    # The driver says in its own words that a connection ended.
    pytest.mark.allow_logs("^(WARNING|ERROR) (aiormq|aio_pika)"),
]
PUBLISHERS, PACE_S = 20, 0.1


@pytest.fixture
async def broker(rabbit: RealRabbit) -> AsyncIterator[RealRabbit]:
    """A broker that runs and holds nothing; it runs again afterwards."""
    await wipe(rabbit.url)
    yield rabbit
    if rabbit.process is None:
        rabbit.launch()
    rabbit.go_on()
    await asyncio.to_thread(rabbit.wait_until_it_answers)


@pytest.fixture
async def queue(broker: RealRabbit) -> AsyncIterator[RabbitQueue]:
    async with RabbitQueue(broker.url, patience=Patience(confirm_s=1, check_s=0.5, longest_s=0.5)) as queue:
        await connected(queue)
        yield queue


async def connected(queue: RabbitQueue) -> None:
    async with asyncio.timeout(60):
        await queue.connected.wait()


# -- under load -----------------------------------------------------------------------------------


class Load:
    """Publishers that go on whatever happens; remembers what was confirmed, and how long each took."""

    def __init__(self, there: Loaded) -> None:
        self.there = there
        self.safe: list[UUID] = []
        self.longest_s = 0.0
        self.leaving = asyncio.Event()

    async def run(self) -> None:
        async def go_on() -> None:
            while not self.leaving.is_set():
                began_s = own_s()
                self.safe.append(await self.there.publish())
                self.longest_s = max(self.longest_s, own_s() - began_s)
                await asyncio.sleep(PACE_S)  # no faster than they are handled

        async def write() -> None:
            while not self.leaving.is_set():
                self.safe.append(await self.there.write())
                await asyncio.sleep(PACE_S)

        await asyncio.gather(write(), *(go_on() for _ in range(PUBLISHERS)))

    async def more(self, count: int = 100) -> None:
        """Return when so many more are safe."""
        wanted = len(self.safe) + count

        async def there() -> bool:
            return len(self.safe) >= wanted

        await until(there)


def serves(there: Loaded, provider: str, state: State) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        capability = there.queue.capability()
        return (capability.provider, capability.state) == (provider, state)

    return so


@pytest.mark.parametrize("fault", ["stop", "kill", "hang"])
async def test_what_is_confirmed_under_load_is_handled_once(
    broker: RealRabbit, tmp_path: Path, fault: str
) -> None:
    async with loaded(tmp_path, broker.url) as there:
        await until(serves(there, "rabbitmq", State.OK), 60)
        load = Load(there)
        running = asyncio.create_task(load.run())
        try:
            await load.more()
            await asyncio.to_thread(getattr(broker, fault))
            await until(serves(there, "embedded", State.DEGRADED))
            assert "RabbitMQ" in there.queue.capability().reason
            await load.more()
            (broker.go_on if fault == "hang" else broker.launch)()
            await until(serves(there, "rabbitmq", State.OK), 60)
            await load.more()
        finally:
            load.leaving.set()
            await running

        async def all_handled() -> bool:
            return await there.waiting() == 0

        await until(all_handled, 120)
        assert (await there.queue.dead_letters()).total == 0
        effects = await there.effects()
        # What was kept in the program's file meanwhile went on to the broker, or was handled where it was.
        assert sum(depth.ready for depth in await there.own.depths()) == 0
    assert {str(own) for own in load.safe} - set(effects) == set()
    assert {own: count for own, count in effects.items() if count != 1} == {}
    assert load.longest_s < 2


# -- the adapter alone ----------------------------------------------------------------------------


async def test_what_the_broker_confirmed_survives_its_kill(broker: RealRabbit, queue: RabbitQueue) -> None:
    sent = [await queue.publish("task.process", task(number)) for number in range(20)]
    handler = Remembering()
    await asyncio.to_thread(broker.kill)
    async with queue.consume(QueueName.TASK, handler):
        broker.launch()
        await handler.has(20, 60)
        await holds(queue, QueueName.TASK, 0)
    assert sorted(set(handler.ids)) == sorted(sent)


async def test_an_outage_is_told_at_once_and_consumers_come_back(
    broker: RealRabbit, queue: RabbitQueue
) -> None:
    handler = Remembering()
    async with queue.consume(QueueName.EVENT, handler) as consumer:
        await queue.publish("event.a", event(1))
        await handler.has(1)
        await asyncio.to_thread(broker.kill)
        began_s = own_s()
        with pytest.raises(QueueUnavailable):
            await queue.publish("event.a", event(2))
        assert own_s() - began_s < 0.5
        await until(lambda: _true(not queue.connected.is_set()), 0.5)
        assert queue.capability().state is State.DOWN
        with pytest.raises(QueueUnavailable):
            await queue.depths()
        broker.launch()
        await connected(queue)
        assert (queue.capability().state, queue.capability().reason) == (State.OK, "")
        await queue.publish("event.a", event(3))
        await handler.has(2)
        assert consumer.queue is QueueName.EVENT
    assert set(handler.numbers) == {1, 3}  # the acknowledgement of the first may have died with the broker


async def test_a_broker_that_hangs_is_left_and_found_again(broker: RealRabbit, queue: RabbitQueue) -> None:
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler):
        broker.hang()
        began_s = own_s()
        with pytest.raises(QueueUnavailable, match="in time"):
            await queue.publish("task.process", task(1))
        assert own_s() - began_s < 2
        await until(lambda: _true(not queue.connected.is_set()))
        broker.go_on()
        await connected(queue)
        sent = await queue.publish("task.process", task(2))
        await until(lambda: _true(sent in handler.ids))


async def test_a_message_without_a_queue_is_not_lost_in_silence(
    broker: RealRabbit, queue: RabbitQueue
) -> None:
    await remove(broker.url, QueueName.EVENT)
    with pytest.raises(QueueUnavailable, match="no queue"):
        await queue.publish("event.a", event())

    async def taken() -> bool:
        try:
            await queue.publish("event.a", event())
        except QueueUnavailable:
            return False
        return True

    await until(taken)  # the topology was made again


async def test_a_consumer_that_the_broker_forgot_is_attached_again(
    broker: RealRabbit, queue: RabbitQueue
) -> None:
    handler = Remembering()
    async with queue.consume(QueueName.EVENT, handler):
        await remove(broker.url, QueueName.EVENT)  # its consumers are cancelled

        async def handled() -> bool:
            try:
                await queue.publish("event.a", event())
            except QueueUnavailable:
                return False
            return bool(handler.got)

        await until(handled)


async def test_one_that_is_found_and_refuses_guest_is_told_and_no_failure(
    broker: RealRabbit, tmp_path: Path
) -> None:
    async def make(url: str, changed: Callable[[], None]) -> RabbitQueue:
        return RabbitQueue(url, None, changed)

    usual = (broker.url.replace("guest:guest", "guest:wrong"),)
    async with (
        EmbeddedQueue(tmp_path / "queue.db") as own,
        FailoverQueue(own, lambda: "auto", make, usual_urls=usual) as queue,
    ):
        await until(lambda: _true(bool(queue.capability().reason)))
        capability = queue.capability()
        assert (capability.provider, capability.state) == ("embedded", State.OK)
        assert capability.reason == (
            f"RabbitMQ at 127.0.0.1:{broker.port} refuses the user guest or the password."
            " Give its address with user and password in Settings, Services."
        )
        await queue.publish("task.process", task())


async def test_a_connection_that_hung_and_was_left_takes_no_other_with_it(
    broker: RealRabbit, queue: RabbitQueue
) -> None:
    old = queue._kept.link()
    broker.hang()
    with pytest.raises(QueueUnavailable):
        await queue.publish("task.process", task(1))
    await until(lambda: _true(not queue.connected.is_set()))
    broker.go_on()
    await connected(queue)
    new = queue._kept.link()
    assert new is not old
    await old._connection.close()
    await queue.depths()
    assert queue._kept.link() is new


async def test_connections_that_break_at_once_are_no_storm(broker: RealRabbit) -> None:
    """Each is made a while after the one before, longer and longer, though each works for a moment."""
    made: list[float] = []
    breaking: list[asyncio.Task[None]] = []

    def changed() -> None:
        if queue.connected.is_set():
            made.append(time.monotonic())
            breaking.append(asyncio.create_task(queue._kept.link()._connection.close()))

    queue = RabbitQueue(broker.url, changed=changed, patience=Patience(again_s=0.05, longest_s=60))
    async with queue:
        await until(lambda: _true(len(made) == 5))
    await asyncio.gather(*breaking)
    pauses = [after - before for before, after in pairwise(made)]
    assert all(pause > wanted for pause, wanted in zip(pauses, (0.05, 0.1, 0.2, 0.4), strict=True))


async def test_a_wrong_password_is_told(broker: RealRabbit) -> None:
    url = broker.url.replace("guest:guest", "guest:secret")
    async with RabbitQueue(url) as queue:
        await until(lambda: _true("refuses" in queue.reason))
        assert "secret" not in queue.reason
        assert queue.capability().state is State.DOWN


@pytest.mark.allow_logs("cannot be handled: The body is no message")
async def test_messages_of_other_programs(broker: RealRabbit, queue: RabbitQueue) -> None:
    """Without an id like ours they have that of their body; what is no message becomes a dead letter."""
    own = task(4)
    connection = await aio_pika.connect(broker.url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("sutazai")
        for body in (own.model_dump_json().encode(), b"no json \xff"):
            await exchange.publish(aio_pika.Message(body, message_id="7"), "task.foreign")
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler):
        await holds(queue, QueueName.DEAD, 1)
    assert own.id in handler.ids
    letter = (await queue.dead_letters()).letters[0]
    assert letter.body == "no json \N{REPLACEMENT CHARACTER}"
    await queue.discard(letter.id)
    assert (await queue.dead_letters()).total == 0


async def _true(value: bool) -> bool:
    return value
