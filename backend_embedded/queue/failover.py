"""The message queue that is always there: in the broker while it answers, in the program's own file while not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from backend_embedded.contract.queue import DeadLetter, QueueDepth, QueueName
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput, NotFound, QueueUnavailable
from backend_embedded.queue.broker import (
    USUAL_URLS,
    Attached,
    Broker,
    MakeBroker,
    OwnQueue,
    Waits,
    together,
)
from backend_embedded.queue.broker_watch import BrokerWatch, Uses
from backend_embedded.queue.joining import JoinedHandler
from backend_embedded.queue.messages import Message, encode
from backend_embedded.queue.port import PREFETCH, Consumer, DeadLetterPage, Handler, MessageQueue
from backend_embedded.queue.topology import BINDINGS
from backend_embedded.resilience.breaker import CircuitBreaker

KEPT = "Messages are kept in the program and handed over when it is back."


class FailoverQueue:
    """Serves from the broker that the setting names, and from `own` while it does not answer.

    Handlers are attached to both. What was kept in the program's file meanwhile is handed to the broker when it
    is back, under the same ids. A message may so come twice; it has effect once if its handler is idempotent.

    Args:
        own: the queue in the program's file, open.
        setting: `auto`, `embedded` or an address, as it is now.
        make_broker: makes the queue of an address.
        changed: told when the capability has another state, provider or reason.
        usual_urls: where to look when the setting is `auto`.
        waits: how long things may take.
        breaker: counts the broker's failures.
    """

    def __init__(
        self,
        own: OwnQueue,
        setting: Callable[[], str],
        make_broker: MakeBroker,
        changed: Callable[[Capability], None] = lambda _: None,
        usual_urls: Sequence[str] = USUAL_URLS,
        waits: Waits | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._own = own
        self._changed = changed
        self._attached: list[Attached] = []
        self._attached_to: Broker | None = None
        self._attaching = asyncio.Lock()
        self._since = datetime.now(UTC)
        self._told: tuple[object, ...] = ()
        self._watch = BrokerWatch(
            setting,
            make_broker,
            Uses(self._attach, own.hand_over, self._tell, self._looked),
            usual_urls,
            waits or Waits(),
            breaker or CircuitBreaker(),
        )

    async def __aenter__(self) -> Self:
        self._told = self._facts(self.capability())
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._watch.__aexit__()

    @property
    def circuit(self) -> str:
        """State of the broker's circuit breaker."""
        return self._watch.circuit

    def look_soon(self) -> None:
        """Look now, as after a change of the settings."""
        self._watch.look_soon()

    # -- messages ---------------------------------------------------------------------------------

    async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
        """Have the broker keep the message, or, when it does not within the time limit, the program's file."""
        body = encode(routing_key, message)
        own = message_id or uuid4()
        if not await self._watch.send(routing_key, body, own):
            await self._own.send(routing_key, body, own)
        return own

    @asynccontextmanager
    async def consume(
        self, queue: QueueName, handler: Handler, prefetch: int = PREFETCH
    ) -> AsyncIterator[Consumer]:
        """Hand messages to `handler` until the block is left, from wherever they are."""
        if queue not in BINDINGS:
            raise InvalidInput(f"{queue} is not consumed.")
        attached = Attached(queue, JoinedHandler(handler), prefetch)
        async with self._own.consume(queue, attached.handler, prefetch) as consumer:
            attached.consumers.append(consumer)
            async with self._attaching:
                self._attached.append(attached)
                if self._attached_to is not None:
                    await attached.attach(self._attached_to)
            try:
                yield attached
            finally:
                async with self._attaching:
                    self._attached.remove(attached)
                    await attached.stack.aclose()

    async def _attach(self, broker: Broker | None) -> None:
        """Have all handlers handle the broker's messages too; None: no longer."""
        async with self._attaching:
            self._attached_to = broker
            for attached in self._attached:
                if broker is None:
                    await attached.stack.aclose()
                else:
                    await attached.attach(broker)

    async def depths(self) -> tuple[QueueDepth, ...]:
        """All four queues; what waits here is counted with what waits in the broker."""
        own = await self._own.depths()
        broker = self._watch.serving
        if broker is None:
            return own
        with contextlib.suppress(QueueUnavailable):
            return tuple(map(together, await broker.depths(), own))
        return own

    # -- dead letters -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100, offset: int = 0) -> DeadLetterPage:
        """A part of the dead letters: the broker's first, then those of the program's file."""
        broker = self._watch.serving
        if broker is None:
            return await self._own.dead_letters(limit, offset)
        theirs = await broker.dead_letters(limit, offset)
        ours = await self._own.dead_letters(
            max(limit - len(theirs.letters), 0), max(offset - theirs.total, 0)
        )
        return DeadLetterPage(theirs.letters + ours.letters, theirs.total + ours.total)

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """One of them."""
        return await (await self._keeper(letter_id)).dead_letter(letter_id)

    async def send_again(
        self, letter_id: str, body: dict[str, Any] | None = None, routing_key: str | None = None
    ) -> UUID:
        """Publish a dead letter where it is kept; what is in the program's file goes on to the broker."""
        sent = await (await self._keeper(letter_id)).send_again(letter_id, body, routing_key)
        self.look_soon()
        return sent

    async def discard(self, letter_id: str) -> None:
        """Take a dead letter away for good."""
        await (await self._keeper(letter_id)).discard(letter_id)

    async def _keeper(self, letter_id: str) -> MessageQueue:
        broker = self._watch.serving
        if broker is None:
            return self._own
        try:
            await self._own.dead_letter(letter_id)
        except NotFound:
            return broker
        return self._own

    # -- itself -----------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """Who serves now, and why it is not the broker."""
        own, broker, reason = self._own.capability(), self._watch.trusted, self._watch.reason
        if broker is not None:
            return broker.capability()
        if not reason:
            return own.model_copy(update={"reason": own.reason or self._watch.refusals})
        return own.model_copy(
            update={
                "state": max(own.state, State.DEGRADED, key=(State.OK, State.DEGRADED, State.DOWN).index),
                "reason": f"{reason} {own.reason or KEPT}",
                "since": self._since,
            }
        )

    async def _looked(self) -> None:
        with contextlib.suppress(QueueUnavailable):
            await self._own.depths()  # what it holds is told with its state
        self._tell()

    def _facts(self, capability: Capability) -> tuple[object, ...]:
        return (capability.state, capability.provider, capability.product, capability.reason)

    def _tell(self) -> None:
        facts = self._facts(self.capability())
        if facts != self._told:
            self._told, self._since = facts, datetime.now(UTC)
            self._changed(self.capability())
