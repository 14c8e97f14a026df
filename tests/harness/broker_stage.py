"""A queue that fails over, with a broker inside this process that can be gone, hang, refuse, or take nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from queue_stage import until

from backend_embedded.contract.queue import QueueDepth
from backend_embedded.contract.status import Capability
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.broker import REFUSED, Waits
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.port import Delivery
from backend_embedded.resilience.breaker import BreakerLimits, CircuitBreaker

URL = "amqp://broker/"


class Broker(EmbeddedQueue):
    """An embedded queue that can be gone or hang, in the place of a broker; it passes the same suite."""

    def __init__(self, file: Path, changed: Callable[[], None]) -> None:
        super().__init__(file)
        self.connected = asyncio.Event()
        self.connected.set()
        self.reason = ""
        self.failure: QueueUnavailable | None = None
        self.changed = changed
        self.hanging = False
        self.full = False
        self.sends = 0
        self.looks = 0

    def look_soon(self) -> None:
        self.looks += 1

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        self.sends += 1
        await self._answer()
        if self.full:
            raise QueueUnavailable("It does not take the message.")
        await super().send(routing_key, body, message_id)

    async def forward(self, delivery: Delivery) -> None:
        await self.send(delivery.routing_key, delivery.body, delivery.message_id)

    async def depths(self) -> tuple[QueueDepth, ...]:
        await self._answer()
        return await super().depths()

    async def _answer(self) -> None:
        if self.hanging:
            try:
                async with asyncio.timeout(0.1):
                    await asyncio.Event().wait()
            except TimeoutError as error:
                raise QueueUnavailable("It does not answer in time.") from error
        if not self.connected.is_set():
            raise QueueUnavailable(self.reason)

    def capability(self) -> Capability:
        return super().capability().model_copy(update={"provider": "rabbitmq", "product": "RabbitMQ 9"})

    def refuses(self) -> None:
        """What a broker does that is there and does not let us in."""
        self.connected.clear()
        self.reason = "RabbitMQ at broker:5672 refuses the user guest or the password."
        self.failure = QueueUnavailable(self.reason, remedy="Give its address.", **{REFUSED: True})

    def goes(self) -> None:
        self.reason = "RabbitMQ went away."
        self.connected.clear()
        self.changed()

    def comes(self) -> None:
        self.reason = ""
        self.connected.set()
        self.changed()


@dataclass
class Desk:
    """A failover queue with its parts.

    Attributes:
        made: the brokers that were made, the newest last.
        told: the capabilities that were told.
        unlike: addresses that refuse us.
        broken: makes no broker, but this error.
    """

    folder: Path
    setting: str = URL
    made: list[Broker] = field(default_factory=list)
    told: list[Capability] = field(default_factory=list)
    usual: tuple[str, ...] = ()
    unlike: set[str] = field(default_factory=set)
    broken: Exception | None = None
    waits: Waits = field(default_factory=lambda: Waits(0.1, 0.05, 0.05))
    breaker: CircuitBreaker = field(default_factory=lambda: CircuitBreaker(BreakerLimits(open_s=0.2)))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FailoverQueue]:
        async def make(url: str, changed: Callable[[], None]) -> Broker:
            if self.broken is not None:
                raise self.broken
            self.made.append(Broker(self.folder / "broker.db", changed))
            if url in self.unlike:
                self.made[-1].refuses()
            return self.made[-1]

        async with EmbeddedQueue(self.folder / "queue.db") as self.own:
            queue = FailoverQueue(
                self.own,
                lambda: self.setting,
                make,
                self.told.append,
                self.usual,
                self.waits,
                self.breaker,
            )
            async with queue:
                if self.setting == URL and self.broken is None:
                    await until(lambda: provided(queue, "rabbitmq"))
                yield queue

    @property
    def broker(self) -> Broker:
        return self.made[-1]


async def provided(queue: FailoverQueue, provider: str) -> bool:
    return queue.capability().provider == provider


async def so(value: bool) -> bool:
    """What is to be waited for."""
    return value
