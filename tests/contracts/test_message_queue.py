"""What every message queue does: the same suite on the embedded one and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import UUID, uuid4

import pytest
from queue_stage import AT, KEYS, MAKE, Open, Remembering, event, holds, task, until

from backend_embedded.contract.queue import (
    EventMessage,
    QueueName,
    ResultMessage,
    ResultStatus,
    TaskMessage,
)
from backend_embedded.contract.status import State
from backend_embedded.errors import InvalidInput, QueueUnavailable
from backend_embedded.queue.port import Delivery, MessageQueue, Outcome
from backend_embedded.queue.topology import DELIVERY_LIMIT

TASKS_AND_EVENTS = pytest.mark.parametrize("name", [QueueName.TASK, QueueName.EVENT])


def test_which(queue: MessageQueue) -> None:
    capability = queue.capability()
    print(f"\n{capability.provider}: {capability.product}", file=sys.__stdout__, flush=True)
    assert (capability.name, capability.state, capability.reason) == ("queue", State.OK, "")
    product, version = capability.product.rsplit(" ", 1)
    assert product
    assert version[0].isdigit()


@pytest.mark.parametrize("name", list(KEYS))
async def test_a_message_comes_as_it_was_published(queue: MessageQueue, name: QueueName) -> None:
    message = MAKE[name](7)
    handler = Remembering()
    async with queue.consume(name, handler):
        sent = await queue.publish(KEYS[name], message)
        await handler.has(1)
        await holds(queue, name, 0)
    one = handler.got[0]
    assert (one.message_id, one.routing_key, one.attempt) == (sent, KEYS[name], 1)
    assert one.message() == message
    assert one.published_at is not None


async def test_the_message_types_are_those_of_the_specification(queue: MessageQueue) -> None:
    own = UUID("00000000-0000-4000-8000-000000000001")
    written = {
        QueueName.TASK: (
            TaskMessage(id=own, timestamp=AT, correlation_id=own),
            {
                "id": str(own), "type": "PROCESS", "payload": {}, "timestamp": "2025-08-08T10:00:00Z",
                "correlation_id": str(own), "retry_count": 0,
            },
        ),
        QueueName.RESULT: (
            ResultMessage(task_id=own, status=ResultStatus.FAILURE, error=None, processing_time_ms=1234),
            {
                "task_id": str(own), "status": "FAILURE", "result": {}, "error": None,
                "processing_time_ms": 1234,
            },
        ),
        QueueName.EVENT: (
            EventMessage(event_type="AGENT_STATUS_CHANGE", source="agent_name", timestamp=AT),
            {
                "event_type": "AGENT_STATUS_CHANGE", "source": "agent_name", "data": {},
                "timestamp": "2025-08-08T10:00:00Z",
            },
        ),
    }  # fmt: skip
    got: list[Delivery] = []

    async def handler(delivery: Delivery) -> Outcome:
        got.append(delivery)
        return Outcome.ACK

    for name, (message, wire) in written.items():
        async with queue.consume(name, handler):
            await queue.publish(KEYS[name], message)
            await until(lambda: _true(bool(got)))
        assert json.loads(got.pop().body) == wire


async def _true(value: bool) -> bool:
    return value


async def test_each_queue_takes_its_keys(queue: MessageQueue) -> None:
    for name, key in KEYS.items():
        await queue.publish(key, MAKE[name](0))
        await queue.publish(key.split(".")[0] + ".other", MAKE[name](1))
    for name in KEYS:
        await holds(queue, name, 2)


@pytest.mark.parametrize("key", ["nobody.cares", "task", "task.a.b", "tasks.a", ".", "task." + "x" * 300])
async def test_a_key_that_no_queue_takes_is_refused(queue: MessageQueue, key: str) -> None:
    with pytest.raises(InvalidInput):
        await queue.publish(key, task())


async def test_a_message_of_another_type_than_its_key_is_refused(queue: MessageQueue) -> None:
    with pytest.raises(InvalidInput):
        await queue.publish("task.process", event())
    await holds(queue, QueueName.TASK, 0)


async def test_dead_letters_have_no_consumer(queue: MessageQueue) -> None:
    with pytest.raises(InvalidInput):
        async with queue.consume(QueueName.DEAD, Remembering()):
            pass


async def test_messages_keep_their_order(queue: MessageQueue) -> None:
    for number in range(60):
        await queue.publish("task.process", task(number))
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler, prefetch=1):
        await handler.has(60)
    assert handler.numbers == list(range(60))
    assert handler.most == 1


async def test_no_more_at_once_than_prefetch(queue: MessageQueue) -> None:
    handler = Remembering(hold=asyncio.Event())
    async with queue.consume(QueueName.TASK, handler, prefetch=5) as consumer:
        for number in range(12):
            await queue.publish("task.process", task(number))
        await handler.has(5)
        await holds(queue, QueueName.TASK, 7, 5)
        assert consumer.running == handler.now == 5
        assert handler.hold is not None
        handler.hold.set()
        await handler.has(12)
        await holds(queue, QueueName.TASK, 0)
    assert handler.most == 5


async def test_what_is_acknowledged_does_not_come_again(queue: MessageQueue) -> None:
    handler = Remembering()
    async with queue.consume(QueueName.EVENT, handler):
        await queue.publish("event.a", event(1))
        await handler.has(1)
        await holds(queue, QueueName.EVENT, 0)
    async with queue.consume(QueueName.EVENT, handler):
        await queue.publish("event.a", event(2))
        await handler.has(2)
    assert handler.numbers == [1, 2]


@TASKS_AND_EVENTS
async def test_what_is_given_back_comes_again_until_the_limit(queue: MessageQueue, name: QueueName) -> None:
    handler = Remembering({3: Outcome.REQUEUE})
    async with queue.consume(name, handler):
        sent = await queue.publish(KEYS[name], MAKE[name](3), uuid4())
        await holds(queue, QueueName.DEAD, 1)
        await holds(queue, name, 0)
    assert handler.ids == [sent] * (DELIVERY_LIMIT + 1)
    assert [one.attempt for one in handler.got] == [1, 2, 3, 4]
    assert {one.routing_key for one in handler.got} == {KEYS[name]}
    letter = (await queue.dead_letters()).letters[0]
    assert (letter.id, letter.queue, letter.routing_key) == (str(sent), name.value, KEYS[name])
    assert (letter.reason, letter.deliveries) == ("delivery_limit", DELIVERY_LIMIT + 1)


@TASKS_AND_EVENTS
async def test_what_is_rejected_is_a_dead_letter_at_once(queue: MessageQueue, name: QueueName) -> None:
    handler = Remembering({1: Outcome.REJECT})
    async with queue.consume(name, handler):
        sent = await queue.publish(KEYS[name], MAKE[name](1))
        await queue.publish(KEYS[name], MAKE[name](2))
        await handler.has(2)
        await holds(queue, QueueName.DEAD, 1)
    letter = await queue.dead_letter(str(sent))
    assert (letter.reason, letter.queue, letter.routing_key) == ("rejected", name.value, KEYS[name])
    assert letter.died_at is not None
    death = letter.headers["x-death"][0]
    assert (death["queue"], death["reason"], death["count"]) == (name.value, "rejected", 1)
    assert death["routing-keys"] == [KEYS[name]]
    assert letter.headers["x-first-death-queue"] == name.value


@pytest.mark.allow_logs("The handling of message .* failed", "Message .* is tried again later")
@pytest.mark.parametrize("error", [ValueError("broken"), QueueUnavailable("gone")], ids=["any", "ours"])
async def test_an_error_means_again(queue: MessageQueue, error: Exception) -> None:
    tries: list[int] = []
    done = asyncio.Event()

    async def handler(delivery: Delivery) -> Outcome:
        tries.append(delivery.attempt)
        if len(tries) < 3:
            raise error
        done.set()
        return Outcome.ACK

    async with queue.consume(QueueName.TASK, handler):
        await queue.publish("task.process", task())
        async with asyncio.timeout(20):
            await done.wait()
        await holds(queue, QueueName.TASK, 0)
    assert tries == [1, 2, 3]
    assert (await queue.dead_letters()).total == 0


@pytest.mark.allow_logs("Message .* cannot be handled: not this")
async def test_invalid_input_means_never(queue: MessageQueue) -> None:
    async def handler(delivery: Delivery) -> Outcome:
        raise InvalidInput("not this")

    async with queue.consume(QueueName.TASK, handler):
        await queue.publish("task.process", task())
        await holds(queue, QueueName.DEAD, 1)
    assert (await queue.dead_letters()).letters[0].reason == "rejected"


async def test_what_a_closed_consumer_had_goes_to_another(queue: MessageQueue) -> None:
    stuck = Remembering(hold=asyncio.Event())
    async with queue.consume(QueueName.TASK, stuck, prefetch=3):
        for number in range(3):
            await queue.publish("task.process", task(number))
        await stuck.has(3)
    assert stuck.now == 0
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler):
        await handler.has(3)
        await holds(queue, QueueName.TASK, 0)
    assert sorted(handler.ids) == sorted(stuck.ids)


async def test_consumers_share(queue: MessageQueue) -> None:
    handlers = [Remembering(), Remembering()]
    async with (
        queue.consume(QueueName.TASK, handlers[0], prefetch=2),
        queue.consume(QueueName.TASK, handlers[1], prefetch=2),
    ):
        depths = {depth.name: depth for depth in await queue.depths()}
        assert depths[QueueName.TASK].consumers == 2
        sent = [await queue.publish("task.process", task(number)) for number in range(40)]
        await until(lambda: _true(len(handlers[0].got) + len(handlers[1].got) >= 40))
        await holds(queue, QueueName.TASK, 0)
    assert sorted(handlers[0].ids + handlers[1].ids) == sorted(sent)


async def test_many_at_once_come_once_each(queue: MessageQueue) -> None:
    handler = Remembering()
    numbers = iter(range(500))

    async def publish() -> None:
        for number in numbers:
            await queue.publish("event.many", event(number))

    async with queue.consume(QueueName.EVENT, handler, prefetch=100):
        await asyncio.gather(*(publish() for _ in range(100)))
        await handler.has(500)
        await holds(queue, QueueName.EVENT, 0)
        depth = next(one for one in await queue.depths() if one.name is QueueName.EVENT)
    assert sorted(handler.numbers) == list(range(500))
    assert depth.published_per_s == depth.handled_per_s == pytest.approx(50, abs=1)


async def test_what_is_confirmed_is_there_after_opening_again(opened: Open) -> None:
    async with opened() as queue:
        sent = [await queue.publish("task.process", task(number)) for number in range(5)]
        async with queue.consume(QueueName.TASK, Remembering({0: Outcome.REJECT}), prefetch=1):
            await holds(queue, QueueName.DEAD, 1)
            await holds(queue, QueueName.TASK, 0)
        await queue.publish("task.process", task(9), sent[0])
    async with opened() as queue:
        handler = Remembering()
        async with queue.consume(QueueName.TASK, handler):
            await handler.has(1)
        assert handler.ids == [sent[0]]
        assert (await queue.dead_letters()).total == 1
