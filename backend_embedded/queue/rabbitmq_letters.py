"""Dead letters in RabbitMQ: looked at without taking them, sent again, thrown away."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from aio_pika.abc import AbstractIncomingMessage

from backend_embedded.contract.queue import DeadLetter, DeadReason, QueueName
from backend_embedded.queue.letters import changed_id, no_letter, readable, rewritten
from backend_embedded.queue.port import DeadLetterPage
from backend_embedded.queue.rabbitmq_consumer import key_of, plain
from backend_embedded.queue.rabbitmq_link import COUNT_HEADER, KEY_HEADER, RabbitLink
from backend_embedded.queue.topology import DELIVERY_LIMIT, queue_for

OWN_HEADERS = (COUNT_HEADER, KEY_HEADER)


async def page(link: RabbitLink, limit: int, offset: int) -> DeadLetterPage:
    """A part of the dead letters, oldest first."""
    letters: list[DeadLetter] = []
    seen = 0
    async with aclosing(link.dead_letters()) as messages:
        async for message in messages:
            seen += 1
            if seen > offset:
                letters.append(letter_of(message))
            if len(letters) == limit:
                break
    total = (await link.depths())[QueueName.DEAD].ready if len(letters) == limit else seen
    return DeadLetterPage(tuple(letters), max(total, seen))


async def one(link: RabbitLink, letter_id: str) -> DeadLetter:
    """One of them. Raises NotFound."""

    async def look(message: AbstractIncomingMessage) -> DeadLetter:
        return letter_of(message)

    return await _with(link, letter_id, look)


async def discard(link: RabbitLink, letter_id: str) -> None:
    """Take one away for good. Raises NotFound."""

    async def throw_away(message: AbstractIncomingMessage) -> DeadLetter:
        await message.ack()
        return letter_of(message)

    await _with(link, letter_id, throw_away)
    await link.depths()  # the acknowledgement has no answer: this comes after it


async def send_again(
    link: RabbitLink, letter_id: str, body: dict[str, Any] | None, routing_key: str | None
) -> tuple[UUID, QueueName]:
    """Publish one, as it was or changed, and take it away when that is confirmed. Raises NotFound."""
    sent: list[tuple[UUID, QueueName]] = []

    async def send(message: AbstractIncomingMessage) -> DeadLetter:
        letter = letter_of(message)
        key, content, same = rewritten(letter.routing_key, message.body, body, routing_key)
        queue = queue_for(key)
        own = _uuid(letter.id) if same else changed_id(letter.id, key, content)
        headers = {name: value for name, value in letter.headers.items() if name not in OWN_HEADERS}
        # The broker writes its own record of deaths; one that is handed in would be believed.
        headers.pop("x-death", None)
        await link.send(key, content, str(own), headers)
        await message.ack()
        sent.append((own, queue))
        return letter

    await _with(link, letter_id, send)
    await link.depths()
    return sent[0]


async def _with(
    link: RabbitLink, letter_id: str, do: Callable[[AbstractIncomingMessage], Awaitable[DeadLetter]]
) -> DeadLetter:
    async with aclosing(link.dead_letters()) as messages:
        async for message in messages:
            if _id(message) == letter_id:
                return await do(message)
    raise no_letter(letter_id)


def letter_of(message: AbstractIncomingMessage) -> DeadLetter:
    """The message as a dead letter."""
    headers = plain(dict(message.headers or {}))
    death = (headers.get("x-death") or [{}])[0]
    queue = str(death.get("queue", ""))
    died_at = death.get("time")
    returned = headers.get(COUNT_HEADER)
    reason = str(death.get("reason", ""))
    if queue == QueueName.EVENT and returned == DELIVERY_LIMIT:
        reason = DeadReason.DELIVERY_LIMIT  # the broker was only told to take it away
    tried = DELIVERY_LIMIT if reason == DeadReason.DELIVERY_LIMIT else returned
    return DeadLetter(
        id=_id(message),
        queue=queue,
        routing_key=key_of(message.routing_key, headers),
        body=readable(message.body),
        reason=reason,
        deliveries=tried + 1 if isinstance(tried, int) else None,
        published_at=message.timestamp,
        died_at=died_at.replace(tzinfo=died_at.tzinfo or UTC) if isinstance(died_at, datetime) else None,
        headers=_on_the_wire(headers),
        provider="rabbitmq",
    )


def _id(message: AbstractIncomingMessage) -> str:
    return message.message_id or hashlib.sha256(message.body).hexdigest()[:32]


def _uuid(letter_id: str) -> UUID:
    try:
        return UUID(letter_id)
    except ValueError:
        return uuid4()


def _on_the_wire(value: Any) -> Any:
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {name: _on_the_wire(one) for name, one in value.items()}
        case list():
            return [_on_the_wire(one) for one in value]
        case _:
            return value
