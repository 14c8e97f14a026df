"""A consumer at a RabbitMQ queue: each message in a task of its own, settled when its handler is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import aiormq
import orjson
from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.handling import KINDS, outcome_of
from backend_embedded.queue.port import Delivery, Handler, Outcome
from backend_embedded.queue.rabbitmq_link import ARGUMENTS, COUNT_HEADER, KEY_HEADER, RabbitLink, translated
from backend_embedded.queue.topology import DELIVERY_LIMIT

log = logging.getLogger(__name__)

DRAIN_S = 1.0
"""How long a handler may go on when its consumer is closed."""


@dataclass(eq=False)
class RabbitConsumer:
    """A handler at a queue; it is attached to one connection after the other.

    A handler goes on when its connection is lost: what it did is not undone, and the message, which the broker
    hands out again, is known by its id.

    Attributes:
        count: told of each outcome.
    """

    queue: QueueName
    handler: Handler
    prefetch: int
    count: Callable[[QueueName, str], None]
    url: str
    held: set[asyncio.Task[None]] = field(default_factory=set)
    link: RabbitLink | None = None
    channel: AbstractChannel | None = None
    driver: aiormq.Channel | None = None
    tag: str = ""
    leaving: bool = False

    @property
    def running(self) -> int:
        """Messages that it handles now."""
        return len(self.held)

    async def attach(self, link: RabbitLink) -> None:
        """Take messages by this connection. Raises QueueUnavailable."""
        self.link, self.tag = link, ""
        self.channel = await link.consuming(self.prefetch)
        with translated(self.url):
            self.driver = cast("aiormq.Channel", await self.channel.get_underlay_channel())
            consuming = await self.driver.basic_consume(self.queue.value, self._take)
            self.tag = consuming.consumer_tag or ""

    def takes_from(self, link: RabbitLink) -> bool:
        """Whether the broker has said that messages come by this connection."""
        return self.link is link and bool(self.tag)

    async def close(self) -> None:
        """Take no more, let handlers come to their end for a moment; the broker hands the rest out again."""
        self.leaving = True
        if self.driver is not None and self.link is not None and self.link.is_open:
            try:
                with translated(self.url):
                    async with asyncio.timeout(DRAIN_S):
                        await self.driver.basic_cancel(self.tag)
            except QueueUnavailable as error:
                log.info("A consumer of %s could not say that it leaves: %s", self.queue, error.message)
        if self.held:
            await asyncio.wait(self.held, timeout=DRAIN_S)
        for task in list(self.held):
            task.cancel()
        await asyncio.gather(*self.held, return_exceptions=True)
        if self.channel is not None and self.link is not None and self.link.is_open:
            try:
                with translated(self.url):
                    async with asyncio.timeout(DRAIN_S):
                        await self.channel.close()
            except QueueUnavailable as error:
                log.info("The channel of %s could not be closed: %s", self.queue, error.message)

    async def _take(self, message: DeliveredMessage) -> None:
        if self.leaving:
            return  # it goes back when the channel is closed
        # The driver would cancel a task of its own with the connection.
        task = asyncio.create_task(self._handle(message), name=f"handle {message.routing_key}")
        self.held.add(task)
        task.add_done_callback(self.held.discard)

    async def _handle(self, message: DeliveredMessage) -> None:
        link = self.link
        assert link is not None, "messages come by a link"
        delivery = delivery_of(message)
        outcome = await outcome_of(self.handler, delivery)
        try:
            with translated(self.url):
                await self._settle(link, message, delivery, outcome)
        except QueueUnavailable as error:
            log.info("Message %s was handled and could not be marked: %s", delivery.message_id, error.message)
        else:
            self.count(self.queue, KINDS[outcome])

    async def _settle(
        self, link: RabbitLink, message: DeliveredMessage, delivery: Delivery, outcome: Outcome
    ) -> None:
        channel = cast("aiormq.Channel", message.channel)
        tag = message.delivery_tag
        assert tag is not None, "only what was delivered comes here"
        match outcome:
            case Outcome.ACK:
                await channel.basic_ack(tag, wait=False)
            case Outcome.REJECT:
                await channel.basic_reject(tag, requeue=False, wait=False)
            case Outcome.REQUEUE if ARGUMENTS[self.queue].get("x-queue-type") == "quorum":
                await channel.basic_reject(tag, requeue=True, wait=False)
            case Outcome.REQUEUE:
                # A classic queue counts nothing: a copy that says how often goes to its end.
                if delivery.attempt > DELIVERY_LIMIT:
                    await channel.basic_reject(tag, requeue=False, wait=False)
                else:
                    headers = {
                        **delivery.headers,
                        COUNT_HEADER: delivery.attempt,
                        KEY_HEADER: delivery.routing_key,
                    }
                    await link.send(
                        self.queue.value, delivery.body, str(delivery.message_id), headers, to_queue=True
                    )
                    await channel.basic_ack(tag, wait=False)


def delivery_of(message: DeliveredMessage) -> Delivery:
    """The message as its handler gets it."""
    properties = message.header.properties
    headers = plain(dict(properties.headers or {}))
    again = headers.get(COUNT_HEADER)
    attempt = int(again) + 1 if isinstance(again, int) else 1
    return Delivery(
        message_id=_id_of(properties.message_id or "", message.body),
        routing_key=key_of(message.routing_key, headers),
        body=message.body,
        attempt=max(attempt, 2 if message.redelivered else 1),
        headers=headers,
        published_at=properties.timestamp,
    )


def _id_of(message_id: str, body: bytes) -> UUID:
    """Its id; of a message of another program that has none like ours, that of its body, if there is one."""
    try:
        return UUID(message_id)
    except ValueError:
        pass
    try:
        return UUID(orjson.loads(body)["id"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return uuid4()


def key_of(routing_key: str | None, headers: dict[str, Any]) -> str:
    """The key that it was published with, also after it went through a queue's own name."""
    own = headers.get(KEY_HEADER)
    if isinstance(own, str):
        return own
    key, deaths = routing_key or "", headers.get("x-death") or ()
    if key in {name.value for name in QueueName} and deaths:
        return str(deaths[0]["routing-keys"][0])
    return key


def plain(value: Any) -> Any:
    """A header's value with texts in place of bytes."""
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case dict():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return value
