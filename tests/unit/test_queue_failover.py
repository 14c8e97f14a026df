"""The queue that is always there: messages, handlers and dead letters of broker and own file in turn."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from broker_stage import URL, Desk, provided, so
from own_time import own_s
from queue_stage import Remembering, event, holds, task, until

from backend_embedded.contract.queue import QueueName
from backend_embedded.contract.status import State
from backend_embedded.errors import InvalidInput, NotFound
from backend_embedded.queue.broker import EMBEDDED
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.port import Outcome


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
        began_s = own_s()
        await queue.publish("task.a", task(1))
        assert own_s() - began_s < 0.5
        assert desk.broker.looks == 1
        assert queue.capability().provider == "embedded"
        await asyncio.gather(*(queue.publish("task.a", task(number)) for number in range(2, 6)))
        desk.broker.hanging = False
        await holds(desk.own, QueueName.TASK, 0)
        await holds(desk.broker, QueueName.TASK, 5)
        await queue.publish("task.a", task(6))
        await holds(desk.broker, QueueName.TASK, 6)
        assert queue.capability().provider == "rabbitmq"


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


async def test_a_handler_that_comes_together_with_the_broker_is_attached_once(desk: Desk) -> None:
    desk.setting = EMBEDDED
    async with desk.open() as queue, AsyncExitStack() as stack:
        handler = Remembering()
        async with queue._attaching:
            coming = asyncio.create_task(stack.enter_async_context(queue.consume(QueueName.EVENT, handler)))
            await until(lambda: consumers(desk.own, 1))
            desk.setting = URL
            queue.look_soon()
            await until(lambda: so(bool(desk.made)))
        await coming
        await until(lambda: provided(queue, "rabbitmq"))
        await until(lambda: consumers(desk.broker, 1))
        await queue.publish("event.a", event(1))
        await handler.has(1)
    assert handler.numbers == [1]


async def consumers(queue: EmbeddedQueue, count: int) -> bool:
    depths = {depth.name: depth for depth in await queue.depths()}
    return depths[QueueName.EVENT].consumers == count


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
