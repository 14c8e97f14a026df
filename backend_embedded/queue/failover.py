"""The message queue that is always there: in the broker while it answers, in the program's own file while not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from backend_embedded.contract.queue import DeadLetter, QueueDepth, QueueName
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput, NotFound, QueueUnavailable
from backend_embedded.queue.broker import (
    AUTO,
    EMBEDDED,
    USUAL_URLS,
    Attached,
    Broker,
    MakeBroker,
    OwnQueue,
    Waits,
    listens,
    together,
)
from backend_embedded.queue.joining import JoinedHandler
from backend_embedded.queue.messages import Message, encode
from backend_embedded.queue.port import PREFETCH, Consumer, DeadLetterPage, Handler, MessageQueue
from backend_embedded.queue.topology import BINDINGS
from backend_embedded.resilience.breaker import CircuitBreaker

log = logging.getLogger(__name__)


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
    """

    def __init__(
        self,
        own: OwnQueue,
        setting: Callable[[], str],
        make_broker: MakeBroker,
        changed: Callable[[Capability], None] = lambda _: None,
        usual_urls: Sequence[str] = USUAL_URLS,
        waits: Waits | None = None,
    ) -> None:
        self._own = own
        self._setting = setting
        self._make_broker = make_broker
        self._changed = changed
        self._usual_urls = tuple(usual_urls)
        self._waits = waits or Waits()
        self._breaker = CircuitBreaker()
        self._broker: Broker | None = None
        self._url = ""
        self._served_before = False
        self._slow = False
        self._attached: list[Attached] = []
        self._look = asyncio.Event()
        self._attaching = asyncio.Lock()
        self._since = datetime.now(UTC)
        self._told: tuple[object, ...] = ()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._told = self._facts(self.capability())
        self._task = asyncio.create_task(self._keep_looking(), name="look for RabbitMQ")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def circuit(self) -> str:
        """State of the broker's circuit breaker."""
        return self._breaker.state.value

    def look_soon(self) -> None:
        """Look now, as after a change of the settings."""
        self._look.set()

    # -- messages ---------------------------------------------------------------------------------

    async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
        """Have the broker keep the message, or, when it does not within the time limit, the program's file."""
        body = encode(routing_key, message)
        own = message_id or uuid4()
        if not await self._sent(routing_key, body, own):
            await self._own.send(routing_key, body, own)
        return own

    async def _sent(self, routing_key: str, body: bytes, own: UUID) -> bool:
        broker = self._serving()
        call = self._breaker.admit() if broker is not None else None
        if broker is None or call is None:
            return False
        try:
            await broker.send(routing_key, body, own)
        except QueueUnavailable:
            call.failed()
            broker.look_soon()
            self._slow = True
            self._tell()
            return False
        finally:
            call.left()  # nothing, unless the caller went away
        call.succeeded()
        if self._slow:
            self._slow = False
            self._tell()
        return True

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
                if self._broker is not None:
                    await attached.attach(self._broker)
            try:
                yield attached
            finally:
                async with self._attaching:
                    self._attached.remove(attached)
                    await attached.stack.aclose()

    async def depths(self) -> tuple[QueueDepth, ...]:
        """All four queues; what waits here is counted with what waits in the broker."""
        own = await self._own.depths()
        broker = self._serving()
        if broker is None:
            return own
        with contextlib.suppress(QueueUnavailable):
            return tuple(map(together, await broker.depths(), own))
        return own

    # -- dead letters -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100, offset: int = 0) -> DeadLetterPage:
        """A part of the dead letters: the broker's first, then those of the program's file."""
        broker = self._serving()
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
        broker = self._serving()
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
        own = self._own.capability()
        broker = self._broker
        if broker is not None and self._serving() is not None and not self._slow:
            return broker.capability()
        if broker is None or not (self._served_before or self._wanted()):
            return own
        reason = broker.reason or f"{broker.capability().product} does not confirm messages in time."
        kept = "Messages are kept in the program and handed over when it is back."
        return own.model_copy(
            update={
                "state": max(own.state, State.DEGRADED, key=(State.OK, State.DEGRADED, State.DOWN).index),
                "reason": f"{reason} {own.reason or kept}",
                "since": self._since,
            }
        )

    def _serving(self) -> Broker | None:
        return self._broker if self._broker is not None and self._broker.connected.is_set() else None

    def _wanted(self) -> bool:
        return self._setting() not in (AUTO, EMBEDDED, "")

    def _facts(self, capability: Capability) -> tuple[object, ...]:
        return (capability.state, capability.provider, capability.product, capability.reason)

    def _tell(self) -> None:
        capability = self.capability()
        facts = self._facts(capability)
        if facts != self._told:
            self._told, self._since = facts, datetime.now(UTC)
            self._changed(self.capability())

    # -- looking for the broker -------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        """Use the broker of the setting until the setting is another one; look for one where there is none."""
        while True:
            url = await self._find()
            if not url:
                self._tell()
                await self._rest()
                continue
            self._url, self._served_before = url, False
            self._breaker.reset()
            async with await self._make_broker(url, self._look.set) as broker:
                self._broker = broker
                try:
                    async with self._attaching:
                        for attached in self._attached:
                            await attached.attach(broker)
                    while self._keeps(url):
                        await self._serve(broker)
                finally:
                    self._broker = None
                    async with self._attaching:
                        for attached in self._attached:
                            await attached.stack.aclose()

    def _keeps(self, url: str) -> bool:
        setting = self._setting()
        return setting == url or (setting in (AUTO, "") and url in self._usual_urls)

    async def _serve(self, broker: Broker) -> None:
        """One look at the broker: tell how it is, hand over what is left here."""
        if broker.connected.is_set():
            if (not self._served_before or self._slow) and await self._answers(broker):
                self._served_before, self._slow = True, False
                self._breaker.reset()
            if not self._slow:
                await self._hand_over(broker)
        self._tell()
        await self._rest()

    async def _answers(self, broker: Broker) -> bool:
        try:
            async with asyncio.timeout(self._waits.answer_s):
                await broker.depths()
        except (QueueUnavailable, TimeoutError):
            return False
        return True

    async def _hand_over(self, broker: Broker) -> None:
        """Give the broker what was kept here meanwhile; what it does not confirm stays."""
        with contextlib.suppress(QueueUnavailable):
            went = await self._own.hand_over(broker.forward)
            if went:
                log.info("%d messages that were kept meanwhile went to the broker", went)

    async def _rest(self) -> None:
        with contextlib.suppress(QueueUnavailable):
            await self._own.depths()  # what it holds is told with its state
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits.look_s):
                await self._look.wait()
        self._look.clear()

    async def _find(self) -> str:
        """The address to use; empty: none."""
        match self._setting():
            case "embedded":
                return ""
            case "auto" | "":
                for url in self._usual_urls:
                    if await listens(url):
                        return url
                return ""
            case url:
                return url
