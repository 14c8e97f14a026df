"""What the queue that is always there asks of its two parts, and where a broker is looked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from backend_embedded.contract.queue import QueueDepth, QueueName
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.port import Consumer, Delivery, Handler, MessageQueue

AUTO, EMBEDDED = "auto", "embedded"
USUAL_URLS = ("amqp://guest:guest@127.0.0.1:10007/", "amqp://guest:guest@127.0.0.1:5672/")
"""Where a broker is looked for by itself: the specification's port, then RabbitMQ's own."""
PROBE_S = 0.5
REFUSED = "refused"
"""Detail of a QueueUnavailable: the broker is there, answers, and does not let us in."""


class OwnQueue(MessageQueue, Protocol):
    """The queue in the program's file."""

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        """Publish a message that is encoded already."""
        ...

    async def hand_over(self, send: Callable[[Delivery], Awaitable[None]], batch: int = 50) -> int:
        """Have `send` keep elsewhere what waits here; how many messages went."""
        ...


class Broker(MessageQueue, Protocol):
    """The queue in a broker, which connects by itself, again and again, while it is open."""

    @property
    def connected(self) -> asyncio.Event:
        """Set while it is connected."""
        ...

    @property
    def reason(self) -> str:
        """Why it is not."""
        ...

    @property
    def failure(self) -> QueueUnavailable | None:
        """How the last try to connect failed; None while it is connected, and before the first try is over."""
        ...

    def look_soon(self) -> None:
        """Look at the connection now."""
        ...

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        """Publish a message that is encoded already.

        Raises:
            QueueUnavailable: within the broker's time limit, however it fails.
        """
        ...

    async def forward(self, delivery: Delivery) -> None:
        """Publish a message that was kept elsewhere."""
        ...


MakeBroker = Callable[[str, Callable[[], None]], Awaitable[AbstractAsyncContextManager[Broker]]]
"""Makes the broker of an address; it calls the function when it is connected, or no longer."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds.

    Attributes:
        answer_s: for the broker to say that it is there.
        look_s: between two looks for a broker where there is none, and at what is left here.
        refused_s: between two tries of one that was found by itself and did not let us in: it keeps a log of them.
    """

    answer_s: float = 0.4
    look_s: float = 5.0
    refused_s: float = 60.0


@dataclass(eq=False)
class Attached:
    """A handler at both queues: a consumer made of two.

    Attributes:
        consumers: those at the queues.
        stack: holds the one at the broker.
    """

    queue: QueueName
    handler: Handler
    prefetch: int
    consumers: list[Consumer] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def running(self) -> int:
        """Messages that it handles now."""
        return sum(consumer.running for consumer in self.consumers)

    async def attach(self, broker: Broker) -> None:
        """Take messages from the broker too."""
        there = await self.stack.enter_async_context(broker.consume(self.queue, self.handler, self.prefetch))
        self.consumers.append(there)
        self.stack.callback(self.consumers.remove, there)


def together(theirs: QueueDepth, ours: QueueDepth) -> QueueDepth:
    """One queue, kept in two places; consumers are attached to both."""
    return theirs.model_copy(
        update={
            "ready": theirs.ready + ours.ready,
            "unacknowledged": theirs.unacknowledged + ours.unacknowledged,
            "published_per_s": theirs.published_per_s + ours.published_per_s,
            "handled_per_s": theirs.handled_per_s + ours.handled_per_s,
        }
    )


async def listens(url: str) -> bool:
    """Whether something takes connections at the place of an address."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(parts.hostname or "127.0.0.1", parts.port or 5672)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
