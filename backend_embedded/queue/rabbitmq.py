"""The message queue in RabbitMQ: quorum queues, confirmed publishing, a connection that is made anew by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
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
from backend_embedded.queue.rabbitmq_link import Depth, RabbitLink, place
from backend_embedded.queue.rates import Counted, Rates
from backend_embedded.queue.topology import BINDINGS, queue_for

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take.

    Attributes:
        confirm_s: the broker's confirmation of a message, while it confirms none.
        longest_confirm_s: the same, while it confirms others.
        check_s: between two looks at queues and consumers.
        again_s: between two tries to connect; doubled each time up to `longest_s`.
    """

    confirm_s: float = 0.4
    longest_confirm_s: float = 5.0
    check_s: float = 5.0
    again_s: float = 0.2
    longest_s: float = 5.0


class RabbitQueue:
    """The queues in a broker; open it with `async with`. It connects in the background, again and again.

    The driver has a connection that repairs itself; here the whole is made anew instead (connection, topology,
    consumers), so that nothing is taken for restored that is not, and a broker that hangs is left.

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
        self._changed = changed
        self._patience = patience or Patience()
        self._progress = Progress(self._patience.confirm_s, self._patience.longest_confirm_s)
        self._rates = Rates(counted)
        self._link: RabbitLink | None = None
        self._lost = asyncio.Event()
        self._look = asyncio.Event()
        self._connected = asyncio.Event()
        self._consumers: list[RabbitConsumer] = []
        self._product = "RabbitMQ"
        self._reason = f"RabbitMQ at {place(url)} is being connected to."
        self._since = datetime.now(UTC)
        self._latency_ms: float | None = None
        self._depths: dict[QueueName, Depth] = {}
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep_connected(), name="stay connected to RabbitMQ")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._drop()

    @property
    def connected(self) -> asyncio.Event:
        """Set while it is connected."""
        return self._connected

    @property
    def reason(self) -> str:
        """Why it is not connected, in words; empty when it is."""
        return self._reason

    def look_soon(self) -> None:
        """Look at the connection, or try to connect, now instead of after the pause."""
        self._look.set()

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
        link = self._open_link()
        began = time.perf_counter()
        try:
            async with self._progress.limit():
                await link.send(key, body, str(own), headers)
        except (QueueUnavailable, TimeoutError) as error:
            if not link.is_open:
                self._went()
            self.look_soon()
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
        self._consumers.append(consumer)
        try:
            if self._link is not None:
                try:
                    await consumer.attach(self._link)
                except QueueUnavailable as error:
                    self._lose(error.message)  # the next connection takes all consumers along
            yield consumer
        finally:
            self._consumers.remove(consumer)
            await consumer.close()

    async def depths(self) -> tuple[QueueDepth, ...]:
        """All four queues, as the broker says."""
        self._depths = found = await self._open_link().depths()
        return tuple(
            QueueDepth(
                name=name,
                ready=depth.ready,
                unacknowledged=sum(one.running for one in self._consumers if one.queue is name),
                consumers=depth.consumers,
                published_per_s=self._rates.per_s(name, "published"),
                handled_per_s=self._rates.per_s(name, "handled"),
            )
            for name, depth in found.items()
        )

    # -- dead letters -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100, offset: int = 0) -> DeadLetterPage:
        """A part of the dead letters, oldest first."""
        return await letters.page(self._open_link(), limit, offset)

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """One of them."""
        return await letters.one(self._open_link(), letter_id)

    async def send_again(
        self, letter_id: str, body: dict[str, Any] | None = None, routing_key: str | None = None
    ) -> UUID:
        """Publish a dead letter, as it was or changed; it is taken away when that is confirmed."""
        own, queue = await letters.send_again(self._open_link(), letter_id, body, routing_key)
        self._rates.count(queue, "published")
        return own

    async def discard(self, letter_id: str) -> None:
        """Take a dead letter away for good."""
        await letters.discard(self._open_link(), letter_id)

    # -- itself -----------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State as last found."""
        waiting = sum(depth.ready for name, depth in self._depths.items() if name in BINDINGS)
        dead = self._depths.get(QueueName.DEAD, Depth(0, 0)).ready
        return Capability(
            name="queue",
            state=State.OK if self._connected.is_set() else State.DOWN,
            provider="rabbitmq",
            product=self._product,
            reason=self._reason,
            since=self._since,
            latency_ms=self._latency_ms,
            holds=holds(waiting, dead) if self._depths else "",
        )

    def _open_link(self) -> RabbitLink:
        if self._link is None or not self._link.is_open:
            raise QueueUnavailable(self._reason or f"RabbitMQ at {place(self._url)} went away.")
        return self._link

    # -- the connection ---------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        pause_s = self._patience.again_s
        while True:
            self._lost.clear()
            try:
                await self._connect()
            except QueueUnavailable as error:
                self._lose(error.message)
            else:
                pause_s = self._patience.again_s
                await self._watch()
            await self._drop()
            await self._rest(pause_s)
            pause_s = min(2 * pause_s, self._patience.longest_s)

    async def _connect(self) -> None:
        link = await RabbitLink.open(self._url, self._went)
        self._link = link
        for consumer in list(self._consumers):
            await consumer.attach(link)
        self._depths = await link.depths()
        self._product, self._reason, self._since = link.product, "", datetime.now(UTC)
        self._connected.set()
        log.info("The message queue is %s at %s", self._product, place(self._url))
        self._changed()

    async def _watch(self) -> None:
        """Return when the connection is lost, the broker does not answer, or a consumer is not there."""
        while not self._lost.is_set():
            await self._rest(self._patience.check_s)
            if self._lost.is_set() or self._link is None:
                return
            try:
                self._depths = await self._link.depths()
            except QueueUnavailable as error:
                self._lose(error.message)
                return
            for queue in BINDINGS:
                ours = sum(consumer.queue is queue for consumer in self._consumers)
                if self._depths[queue].consumers < ours:
                    self._lose(f"RabbitMQ forgot a consumer of {queue}.")
                    return

    async def _rest(self, seconds: float) -> None:
        """Wait, unless something asked to look."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look.wait()
        self._look.clear()

    def _went(self) -> None:
        if self._link is not None:  # else it was closed here
            self._lose(f"RabbitMQ at {place(self._url)} went away.")

    def _lose(self, reason: str) -> None:
        self._lost.set()
        was, told = self._connected.is_set(), self._reason
        self._connected.clear()
        self._reason = reason
        if was:
            log.info("The message queue was lost: %s", reason)
            self._look.set()
            self._since = datetime.now(UTC)
        if was or told != reason:
            self._changed()

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
