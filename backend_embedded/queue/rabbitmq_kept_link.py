"""Keeps a connection to RabbitMQ: when it is lost, hangs or forgets a consumer, the whole is made anew."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.rabbitmq_consumer import RabbitConsumer
from backend_embedded.queue.rabbitmq_link import Depth, RabbitLink, place
from backend_embedded.queue.topology import BINDINGS

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


class KeptLink:
    """Connects in the background, again and again, while it is open (`async with`).

    The driver has a connection that repairs itself; here the whole is made anew instead (connection, topology,
    consumers), so that nothing is taken for restored that is not, and a broker that hangs is left.

    Args:
        url: `amqp://user:password@host:port/vhost`.
        changed: told when it is connected, no longer, or cannot be for another reason.
        patience: how long things may take.

    Attributes:
        connected: set while it is.
        consumers: attached to each connection.
        product: what answered last, with its version.
        reason: why it is not connected, in words; empty when it is.
        failure: how the last try to connect failed; None while it is connected, and before the first is over.
        since: when it was connected or lost.
        depths: what the broker said last of its queues.
    """

    def __init__(self, url: str, changed: Callable[[], None], patience: Patience) -> None:
        self._url = url
        self._changed = changed
        self._patience = patience
        self._link: RabbitLink | None = None
        self._lost = asyncio.Event()
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()
        self.consumers: list[RabbitConsumer] = []
        self.product = "RabbitMQ"
        self.reason = f"RabbitMQ at {place(url)} is being connected to."
        self.failure: QueueUnavailable | None = None
        self.since = datetime.now(UTC)
        self.depths: dict[QueueName, Depth] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_connected(), name="stay connected to RabbitMQ")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._drop()

    def look_soon(self) -> None:
        """Look at the connection, or try to connect, now instead of after the pause."""
        self._look.set()

    def link(self) -> RabbitLink:
        """The connection. Raises QueueUnavailable: there is none."""
        if self._link is None or not self._link.is_open:
            raise QueueUnavailable(self.reason or f"RabbitMQ at {place(self._url)} went away.")
        return self._link

    def failed(self, link: RabbitLink) -> None:
        """What was asked of this connection was not done: see whether it is still one."""
        if not link.is_open:
            self._went()
        self.look_soon()

    async def attach(self, consumer: RabbitConsumer) -> None:
        """Have messages come to a consumer by this connection and all that come after it."""
        self.consumers.append(consumer)
        if self._link is not None:
            try:
                await consumer.attach(self._link)
            except QueueUnavailable as error:
                self._lose(error.message)  # the next connection takes all consumers along

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = self._patience.again_s
        while True:
            self._lost.clear()
            connected_s = math.inf
            try:
                await self._connect()
                connected_s = loop.time()
                await self._watch()
            except QueueUnavailable as error:
                self._fail(error)
            except Exception as error:
                # Of the driver, which has many: whatever it is, another connection is tried.
                log.warning("The connection to RabbitMQ failed", exc_info=True)
                self._fail(QueueUnavailable(f"RabbitMQ at {place(self._url)} cannot be used: {error}."))
            await self._drop()
            if loop.time() - connected_s >= self._patience.longest_s:
                pause_s = self._patience.again_s  # it held; where none does there is no storm of tries
            self._look.clear()
            await self._rest(pause_s)
            pause_s = min(2 * pause_s, self._patience.longest_s)

    async def _connect(self) -> None:
        link = self._link = await RabbitLink.open(self._url, self._went)
        for consumer in list(self.consumers):
            await consumer.attach(link)
        self.depths = await link.depths()
        self.product, self.reason, self.since = link.product, "", datetime.now(UTC)
        self.failure = None
        self.connected.set()
        log.info("The message queue is %s at %s", self.product, place(self._url))
        self._changed()

    async def _watch(self) -> None:
        """Return when the connection is lost, or a consumer is not there. Raises QueueUnavailable: no answer."""
        while not self._lost.is_set():
            await self._rest(self._patience.check_s)
            if self._lost.is_set() or self._link is None:
                return
            before = [consumer for consumer in self.consumers if consumer.takes_from(self._link)]
            self.depths = await self._link.depths()
            for queue in BINDINGS:
                # Not those that came or went while it was asked.
                ours = sum(one.queue is queue and one in self.consumers for one in before)
                if self.depths[queue].consumers < ours:
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

    def _fail(self, error: QueueUnavailable) -> None:
        self.failure = error
        self._lose(error.message)

    def _lose(self, reason: str) -> None:
        self._lost.set()
        was, told = self.connected.is_set(), self.reason
        self.connected.clear()
        self.reason = reason
        if was:
            log.info("The message queue was lost: %s", reason)
            self._look.set()
            self.since = datetime.now(UTC)
        if was or told != reason:
            self._changed()

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
