"""A consumer of the embedded queue: takes messages for a lease, keeps it while they are handled."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.book import Kept
from backend_embedded.queue.handling import outcome_of
from backend_embedded.queue.port import Delivery, Handler, Outcome

log = logging.getLogger(__name__)

DRAIN_S = 1.0
"""How long a handler may go on when its consumer is closed."""


class Leases(Protocol):
    """Where messages are taken from; every call raises QueueUnavailable when the file cannot be used."""

    @property
    def lease_s(self) -> float:
        """Seconds of a lease."""
        ...

    async def claim(self, queue: QueueName, limit: int) -> list[Kept]:
        """Take messages for a lease; who is cancelled meanwhile has taken none."""
        ...

    async def renew(self, held: list[Kept]) -> None:
        """Keep them for one more lease."""
        ...

    async def release(self, held: Kept) -> None:
        """Give one back as if it had not been taken."""
        ...

    async def settle(self, held: Kept, outcome: Outcome) -> None:
        """Do what the outcome says."""
        ...


@dataclass
class LeaseConsumer:
    """A handler at a queue of the file.

    Attributes:
        wake: set when there may be something to do.
        held: what is handled now.
    """

    leases: Leases
    queue: QueueName
    handler: Handler
    prefetch: int
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    held: dict[asyncio.Task[None], Kept] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """Messages that it handles now."""
        return len(self.held)

    async def pump(self) -> None:
        """Take messages as long as there is room, keep their leases, wait for more."""
        loop = asyncio.get_running_loop()
        pause_s = self.leases.lease_s / 3
        renewed_s = loop.time()
        while True:
            self.wake.clear()
            try:
                await self._take()
                if loop.time() - renewed_s >= pause_s:
                    renewed_s = loop.time()
                    await self._renew()
                async with asyncio.timeout(pause_s):
                    await self.wake.wait()
            except TimeoutError:
                continue
            except QueueUnavailable as error:
                log.warning("Messages of %s cannot be taken: %s", self.queue, error.message)
                await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Let handlers come to their end for a moment; what they had not finished is given back."""
        if self.held:
            await asyncio.wait(self.held, timeout=DRAIN_S)
        for task in list(self.held):
            task.cancel()
        await asyncio.gather(*self.held, return_exceptions=True)

    async def _take(self) -> None:
        while free := self.prefetch - len(self.held):
            claimed = await self.leases.claim(self.queue, free)
            for one in claimed:
                task = asyncio.create_task(self._handle(one), name=f"handle {one.routing_key}")
                self.held[task] = one
                task.add_done_callback(self._ended)
            if len(claimed) < free:
                return

    async def _renew(self) -> None:
        if self.held:
            await self.leases.renew(list(self.held.values()))

    async def _handle(self, one: Kept) -> None:
        try:
            outcome = await outcome_of(self.handler, delivery_of(one))
        except asyncio.CancelledError:
            await asyncio.shield(self.leases.release(one))
            raise
        try:
            await asyncio.shield(self.leases.settle(one, outcome))
        except QueueUnavailable as error:
            # It is handed out again when its lease is over; who handles it knows its id.
            log.warning("Message %s was handled and could not be marked: %s", one.id, error.message)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self.held[task]
        self.wake.set()


def delivery_of(one: Kept) -> Delivery:
    """The message as its handler gets it."""
    return Delivery(
        message_id=UUID(one.id),
        routing_key=one.routing_key,
        body=one.body,
        attempt=one.attempts,
        headers=one.headers,
        published_at=wall_time(one.published_at),
    )


def wall_time(seconds: float) -> datetime:
    """A time of the wall clock."""
    return datetime.fromtimestamp(seconds, UTC)
