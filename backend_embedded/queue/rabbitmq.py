"""The message queue in RabbitMQ: quorum queues, confirmed publishing, a connection that is made anew by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import UUID, uuid4

from backend_embedded.contract.queue import DeadLetter, QueueDepth, QueueName
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput, QueueUnavailable
from backend_embedded.queue import rabbitmq_letters as letters
from backend_embedded.queue.letters import holds
from backend_embedded.queue.messages import Message, encode
from backend_embedded.queue.port import PREFETCH, Consumer, DeadLetterPage, Delivery, Handler
from backend_embedded.queue.quiet import Progress
from backend_embedded.queue.rabbitmq_consumer import RabbitConsumer
from backend_embedded.queue.rabbitmq_kept_link import KeptLink, Patience
from backend_embedded.queue.rabbitmq_link import Depth, place
from backend_embedded.queue.rates import Counted, Rates
from backend_embedded.queue.topology import BINDINGS, queue_for


class RabbitQueue:
    """The queues in a broker; open it with `async with`. It connects in the background, again and again.

    Args:
        url: `amqp://user:password@host:port/vhost`.
        counted: told of each message.
        changed: told when it is connected, or no longer.
        patience: how long things may take.
    """

    def __init__(
        self,
        url: str,
        counted: Counted | None = None,
        changed: Callable[[], None] = lambda: None,
        patience: Patience | None = None,
    ) -> None:
        self._url = url
        patience = patience or Patience()
        self._kept = KeptLink(url, changed, patience)
        self._progress = Progress(patience.confirm_s, patience.longest_confirm_s)
        self._rates = Rates(counted)
        self._reading_letters = asyncio.Lock()
        self._latency_ms: float | None = None

    async def __aenter__(self) -> Self:
        await self._kept.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kept.__aexit__()

    @property
    def connected(self) -> asyncio.Event:
        """Set while it is connected."""
        return self._kept.connected

    @property
    def reason(self) -> str:
        """Why it is not connected, in words; empty when it is."""
        return self._kept.reason

    @property
    def failure(self) -> QueueUnavailable | None:
        """How the last try to connect failed; None while it is connected, and before the first try is over."""
        return self._kept.failure

    def look_soon(self) -> None:
        """Look at the connection, or try to connect, now instead of after the pause."""
        self._kept.look_soon()

    # -- messages ---------------------------------------------------------------------------------

    async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
        """Publish, and wait until the broker has it."""
        own = message_id or uuid4()
        await self._send(routing_key, encode(routing_key, message), own, {})
        return own

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        """Publish a message that is encoded already."""
        await self._send(routing_key, body, message_id, {})

    async def forward(self, delivery: Delivery) -> None:
        """Publish a message that was kept elsewhere."""
        headers = {name: value for name, value in delivery.headers.items() if name != "x-death"}
        await self._send(delivery.routing_key, delivery.body, delivery.message_id, headers)

    async def _send(self, key: str, body: bytes, own: UUID, headers: dict[str, Any]) -> None:
        link = self._kept.link()
        began = time.perf_counter()
        try:
            async with self._progress.limit():
                await link.send(key, body, str(own), headers)
        except (QueueUnavailable, TimeoutError) as error:
            self._kept.failed(link)
            if isinstance(error, TimeoutError):
                raise QueueUnavailable(f"RabbitMQ at {place(self._url)} does not confirm in time.") from error
            raise
        self._latency_ms = (time.perf_counter() - began) * 1_000
        self._rates.count(queue_for(key), "published")

    @asynccontextmanager
    async def consume(
        self, queue: QueueName, handler: Handler, prefetch: int = PREFETCH
    ) -> AsyncIterator[Consumer]:
        """Hand messages to `handler` until the block is left, by one connection after the other."""
        if queue not in BINDINGS:
            raise InvalidInput(f"{queue} is not consumed.")
        consumer = RabbitConsumer(queue, handler, prefetch, self._rates.count, self._url)
        try:
            await self._kept.attach(consumer)
            yield consumer
        finally:
            self._kept.consumers.remove(consumer)
            await consumer.close()

    async def depths(self) -> tuple[QueueDepth, ...]:
        """All four queues, as the broker says."""
        self._kept.depths = found = await self._kept.link().depths()
        return tuple(
            QueueDepth(
                name=name,
                ready=depth.ready,
                unacknowledged=sum(one.running for one in self._kept.consumers if one.queue is name),
                consumers=depth.consumers,
                published_per_s=self._rates.per_s(name, "published"),
                handled_per_s=self._rates.per_s(name, "handled"),
            )
            for name, depth in found.items()
        )

    # -- dead letters -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100, offset: int = 0) -> DeadLetterPage:
        """A part of the dead letters, oldest first."""
        async with self._reading_letters:
            return await letters.page(self._kept.link(), limit, offset)

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """One of them."""
        async with self._reading_letters:
            return await letters.one(self._kept.link(), letter_id)

    async def send_again(
        self, letter_id: str, body: dict[str, Any] | None = None, routing_key: str | None = None
    ) -> UUID:
        """Publish a dead letter, as it was or changed; it is taken away when that is confirmed."""
        async with self._reading_letters:
            own, queue = await letters.send_again(self._kept.link(), letter_id, body, routing_key)
        self._rates.count(queue, "published")
        return own

    async def discard(self, letter_id: str) -> None:
        """Take a dead letter away for good."""
        async with self._reading_letters:
            await letters.discard(self._kept.link(), letter_id)

    # -- itself -----------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State as last found."""
        kept, depths = self._kept, self._kept.depths
        waiting = sum(depth.ready for name, depth in depths.items() if name in BINDINGS)
        dead = depths.get(QueueName.DEAD, Depth(0, 0)).ready
        return Capability(
            name="queue",
            state=State.OK if kept.connected.is_set() else State.DOWN,
            provider="rabbitmq",
            product=kept.product,
            reason=kept.reason,
            since=kept.since,
            latency_ms=self._latency_ms,
            holds=holds(waiting, dead) if depths else "",
        )
