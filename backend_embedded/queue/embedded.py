"""The message queue in a SQLite file: durable, for one process, with nothing to set up."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from uuid import UUID, uuid4

import orjson

from backend_embedded.contract.queue import DeadLetter, QueueDepth, QueueName
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import InvalidInput, QueueUnavailable
from backend_embedded.queue.book import Counts, Dead, Kept, QueueBook
from backend_embedded.queue.group_commit import GroupCommit
from backend_embedded.queue.handling import KINDS
from backend_embedded.queue.leasing import LeaseConsumer, delivery_of, wall_time
from backend_embedded.queue.letters import changed_id, holds, no_letter, readable, rewritten
from backend_embedded.queue.messages import Message, encode
from backend_embedded.queue.port import PREFETCH, Consumer, DeadLetterPage, Delivery, Handler, Outcome
from backend_embedded.queue.rates import Counted, Rates
from backend_embedded.queue.topology import BINDINGS, queue_for

T = TypeVar("T")
P = ParamSpec("P")

LEASE_S = 60.0


class EmbeddedQueue:
    """Keeps messages in one SQLite file that one process opens; open it with `async with`.

    Args:
        file: the database; its folder is made.
        counted: told of each message.
        lease_s: seconds that a message is left alone after it was handed out, or its lease was renewed.
        clock: seconds that only grow, for leases.
    """

    def __init__(
        self,
        file: Path,
        counted: Counted | None = None,
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._lease_s = lease_s
        self._book = QueueBook(clock, time.time, lease_s)
        self._commits = GroupCommit(file, self._book.open)
        self._rates = Rates(counted)
        self._consumers: list[LeaseConsumer] = []
        self._since = datetime.now(UTC)
        self._reason = ""
        self._latency_ms: float | None = None
        self._counts: Counts | None = None

    async def __aenter__(self) -> Self:
        with self._watched():
            await self._commits.open()
        self._counts = await self._do(self._book.counts)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._commits.close()

    # -- messages ---------------------------------------------------------------------------------

    async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
        """Keep a message; it is on the disk when this returns."""
        own = message_id or uuid4()
        await self._keep(routing_key, own, encode(routing_key, message), b"{}")
        return own

    async def send(self, routing_key: str, body: bytes, message_id: UUID) -> None:
        """Keep a message that is encoded already."""
        await self._keep(routing_key, message_id, body, b"{}")

    @asynccontextmanager
    async def consume(
        self, queue: QueueName, handler: Handler, prefetch: int = PREFETCH
    ) -> AsyncIterator[Consumer]:
        """Hand messages to `handler` until the block is left."""
        if queue not in BINDINGS:
            raise InvalidInput(f"{queue} is not consumed.")
        consumer = LeaseConsumer(self, queue, handler, prefetch)
        self._consumers.append(consumer)
        pumping = asyncio.create_task(consumer.pump(), name=f"consume {queue}")
        try:
            yield consumer
        finally:
            self._consumers.remove(consumer)
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
            await consumer.close()

    async def depths(self) -> tuple[QueueDepth, ...]:
        """All four queues."""
        counts = self._counts = await self._do(self._book.counts)
        found = [
            QueueDepth(
                name=queue,
                ready=counts.ready[queue],
                unacknowledged=counts.leased[queue],
                consumers=sum(consumer.queue is queue for consumer in self._consumers),
                published_per_s=self._rates.per_s(queue, "published"),
                handled_per_s=self._rates.per_s(queue, "handled"),
            )
            for queue in BINDINGS
        ]
        return (*found, QueueDepth(name=QueueName.DEAD, ready=counts.dead, unacknowledged=0, consumers=0))

    # -- dead letters -----------------------------------------------------------------------------

    async def dead_letters(self, limit: int = 100, offset: int = 0) -> DeadLetterPage:
        """A part of the dead letters, oldest first."""
        found, total = await self._do(self._book.dead, limit, offset)
        return DeadLetterPage(tuple(_letter(one) for one in found), total)

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """One of them."""
        return _letter(await self._dead(letter_id))

    async def send_again(
        self, letter_id: str, body: dict[str, Any] | None = None, routing_key: str | None = None
    ) -> UUID:
        """Publish a dead letter, as it was or changed, and take it away, in one transaction."""
        dead = (await self._dead(letter_id)).message
        key, content, same = rewritten(dead.routing_key, dead.body, body, routing_key)
        queue = queue_for(key)
        own = UUID(dead.id) if same else changed_id(dead.id, key, content)
        headers = orjson.dumps(dead.headers).decode()

        def work(connection: sqlite3.Connection) -> bool:
            gone = self._book.discard(connection, letter_id)
            if gone:
                self._book.publish(connection, queue, str(own), key, content, headers)
            return gone

        if not await self._do(work):
            raise no_letter(letter_id)
        self._published(queue)
        return own

    async def discard(self, letter_id: str) -> None:
        """Take a dead letter away for good."""
        if not await self._do(self._book.discard, letter_id):
            raise no_letter(letter_id)

    async def _dead(self, letter_id: str) -> Dead:
        found = await self._do(self._book.dead_one, letter_id)
        if found is None:
            raise no_letter(letter_id)
        return found

    # -- handing everything over to another queue ---------------------------------------------------

    async def hand_over(self, send: Callable[[Delivery], Any], batch: int = 50) -> int:
        """Have `send` keep elsewhere what waits here, oldest first; how many messages went.

        Raises what `send` raises; what it did not take stays here.
        """
        went = 0
        for queue in BINDINGS:
            while held := await self.claim(queue, batch):
                try:
                    while held:
                        await send(delivery_of(held[0]))
                        await asyncio.shield(self.settle(held.pop(0), Outcome.ACK))
                        went += 1
                finally:
                    for left in held:
                        with contextlib.suppress(QueueUnavailable):  # then their leases run out
                            await asyncio.shield(self.release(left))
        return went

    # -- what a consumer needs ----------------------------------------------------------------------

    async def claim(self, queue: QueueName, limit: int) -> list[Kept]:
        """Take messages for a lease; who is cancelled meanwhile has taken none."""
        claiming = asyncio.ensure_future(self._do(self._book.claim, queue, limit))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with contextlib.suppress(QueueUnavailable):
                for one in await claiming:
                    await self.release(one)
            raise

    async def renew(self, held: list[Kept]) -> None:
        """Keep them for one more lease."""
        await self._do(self._book.renew, held)

    async def release(self, held: Kept) -> None:
        """Give one back as if it had not been taken."""
        await self._do(self._book.release, held)
        self._wake(QueueName(held.queue))

    async def settle(self, held: Kept, outcome: Outcome) -> None:
        """Do what the outcome says."""
        queue = QueueName(held.queue)
        match outcome:
            case Outcome.ACK:
                await self._do(self._book.acknowledge, held)
            case Outcome.REJECT:
                await self._do(self._book.reject, held)
            case Outcome.REQUEUE:
                await self._do(self._book.requeue, held)
                self._wake(queue)
        self._rates.count(queue, KINDS[outcome])

    @property
    def lease_s(self) -> float:
        """Seconds of a lease."""
        return self._lease_s

    # -- itself -----------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State after the last call."""
        counts = self._counts
        waiting = 0 if counts is None else sum(counts.ready.values()) + sum(counts.leased.values())
        return Capability(
            name="queue",
            state=State.DOWN if self._reason else State.OK,
            provider="embedded",
            product=f"SQLite {sqlite3.sqlite_version}",
            reason=self._reason,
            since=self._since,
            latency_ms=self._latency_ms,
            holds="" if counts is None else holds(waiting, counts.dead),
        )

    async def _keep(self, routing_key: str, own: UUID, body: bytes, headers: bytes) -> None:
        queue = queue_for(routing_key)
        began = time.perf_counter()
        await self._do(self._book.publish, queue, str(own), routing_key, body, headers.decode())
        self._latency_ms = (time.perf_counter() - began) * 1_000
        self._published(queue)

    def _published(self, queue: QueueName) -> None:
        self._rates.count(queue, "published")
        self._wake(queue)

    def _wake(self, queue: QueueName) -> None:
        for consumer in self._consumers:
            if consumer.queue is queue:
                consumer.wake.set()

    async def _do(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self._watched():
            return await self._commits.do(work, *args, **kwargs)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._becomes(f"{self._file} cannot be used: {error}.")
            raise QueueUnavailable(
                self._reason, remedy="Check the disk that holds it.", file=str(self._file)
            ) from error
        else:
            self._becomes("")

    def _becomes(self, reason: str) -> None:
        if reason != self._reason:
            self._reason, self._since = reason, datetime.now(UTC)


def _letter(dead: Dead) -> DeadLetter:
    message = dead.message
    return DeadLetter(
        id=message.id,
        queue=message.queue,
        routing_key=message.routing_key,
        body=readable(message.body),
        reason=dead.reason,
        deliveries=message.deliveries,
        published_at=wall_time(message.published_at),
        died_at=wall_time(dead.died_at),
        headers=message.headers,
        provider="embedded",
    )
