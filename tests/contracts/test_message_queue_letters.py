"""Dead letters, of the embedded queue and of a real RabbitMQ: read, sent again or changed, discarded."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from queue_stage import Remembering, holds, task

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import InvalidInput, NotFound
from backend_embedded.queue.port import MessageQueue, Outcome
from backend_embedded.queue.topology import DELIVERY_LIMIT


async def bury(queue: MessageQueue, count: int) -> list[str]:
    """So many dead tasks; their ids."""
    handler = Remembering(dict.fromkeys(range(count), Outcome.REJECT))
    async with queue.consume(QueueName.TASK, handler, prefetch=1):
        sent = [str(await queue.publish("task.process", task(number))) for number in range(count)]
        await holds(queue, QueueName.DEAD, count)
        await holds(queue, QueueName.TASK, 0)
    return sent


async def test_dead_letters_by_pages(queue: MessageQueue) -> None:
    sent = await bury(queue, 7)
    for _ in range(2):  # looking takes nothing away and keeps the order
        pages = [await queue.dead_letters(3, offset) for offset in (0, 3, 6, 9)]
        assert [letter.id for page in pages for letter in page.letters] == sent
        assert {page.total for page in pages} == {7}
    body = (await queue.dead_letter(sent[4])).body
    assert body["payload"] == {"number": 4}


async def test_many_may_read_and_discard_dead_letters_at_once(queue: MessageQueue) -> None:
    sent = await bury(queue, 6)
    found = await asyncio.gather(
        *(queue.dead_letter(own) for own in sent[:5]), queue.dead_letters(), queue.discard(sent[5])
    )
    assert [letter.id for letter in found[:5]] == sent[:5]
    assert [letter.id for letter in (await queue.dead_letters()).letters] == sent[:5]


async def test_a_dead_letter_is_sent_again_as_it_was(queue: MessageQueue) -> None:
    sent = await bury(queue, 3)
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler):
        assert str(await queue.send_again(sent[1])) == sent[1]
        await handler.has(1)
        await holds(queue, QueueName.TASK, 0)
    assert (handler.numbers, str(handler.ids[0]), handler.got[0].attempt) == ([1], sent[1], 1)
    assert [letter.id for letter in (await queue.dead_letters()).letters] == [sent[0], sent[2]]


async def test_a_dead_letter_is_sent_again_changed(queue: MessageQueue) -> None:
    sent = await bury(queue, 1)
    body = (await queue.dead_letter(sent[0])).body | {"payload": {"number": 77}}
    handler = Remembering()
    async with queue.consume(QueueName.TASK, handler):
        again = await queue.send_again(sent[0], body, "task.repaired")
        await handler.has(1)
        await holds(queue, QueueName.TASK, 0)
    assert str(again) != sent[0]
    assert (handler.numbers, handler.ids) == ([77], [again])
    assert handler.got[0].routing_key == "task.repaired"
    assert (await queue.dead_letters()).total == 0


@pytest.mark.parametrize(
    ("body", "key"),
    [({"payload": {}}, None), (None, "nobody.cares"), (None, "event.happened")],
    ids=["body", "key", "type"],
)
async def test_a_dead_letter_that_would_be_no_message_stays(
    queue: MessageQueue, body: dict[str, object] | None, key: str | None
) -> None:
    sent = await bury(queue, 1)
    with pytest.raises(InvalidInput):
        await queue.send_again(sent[0], body, key)
    assert [letter.id for letter in (await queue.dead_letters()).letters] == sent
    await holds(queue, QueueName.EVENT, 0)


async def test_a_dead_letter_that_dies_again_is_one(queue: MessageQueue) -> None:
    sent = await bury(queue, 1)
    handler = Remembering({0: Outcome.REQUEUE})
    async with queue.consume(QueueName.TASK, handler):
        await queue.send_again(sent[0])
        await handler.has(DELIVERY_LIMIT + 1)
        await holds(queue, QueueName.DEAD, 1)
    assert [one.attempt for one in handler.got] == [1, 2, 3, 4]
    letter = await queue.dead_letter(sent[0])
    assert (letter.reason, letter.queue) == ("delivery_limit", "task.queue")


async def test_a_dead_letter_is_discarded(queue: MessageQueue) -> None:
    sent = await bury(queue, 3)
    await queue.discard(sent[1])
    assert [letter.id for letter in (await queue.dead_letters()).letters] == [sent[0], sent[2]]
    with pytest.raises(NotFound):
        await queue.discard(sent[1])


async def test_a_letter_that_is_not_there(queue: MessageQueue) -> None:
    with pytest.raises(NotFound):
        await queue.dead_letter(str(uuid4()))
    with pytest.raises(NotFound):
        await queue.send_again("no id at all")
