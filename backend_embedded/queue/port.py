"""The port of the message queue: publish with confirmation, consume with acknowledgement, dead letters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID

from backend_embedded.contract.queue import DeadLetter, QueueDepth, QueueName
from backend_embedded.contract.status import Capability
from backend_embedded.queue.messages import Message, decode

PREFETCH = 32


class Outcome(Enum):
    """What a handler did with a message."""

    ACK = auto()
    """It is handled."""
    REJECT = auto()
    """It can never be handled: to the dead letters."""
    REQUEUE = auto()
    """Not now: again, until the delivery limit."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as a handler gets it.

    Attributes:
        message_id: the same whenever this message is handed out; what makes a handler idempotent.
        routing_key: what it was published with.
        body: JSON.
        attempt: how often it was handed out, this time included; 1 at first. At least so often: a count
            that a broker lost is not known.
        headers: what came with it.
        published_at: when, as far as that is known.
    """

    message_id: UUID
    routing_key: str
    body: bytes
    attempt: int = 1
    headers: Mapping[str, Any] = field(default_factory=dict)
    published_at: datetime | None = None

    def message(self) -> Message:
        """What it says.

        Raises:
            InvalidInput: the body is not what the key says; a handler lets it through, and the message
                becomes a dead letter.
        """
        return decode(self.routing_key, self.body)


Handler = Callable[[Delivery], Awaitable[Outcome]]
"""Handles one message. `InvalidInput` means REJECT, any other error REQUEUE. It is cancelled when the consumer
is closed and must be idempotent: a message comes at least once."""


class Consumer(Protocol):
    """A handler at a queue."""

    @property
    def queue(self) -> QueueName:
        """Where it takes its messages from."""
        ...

    @property
    def running(self) -> int:
        """Messages that it handles now."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A part of the dead letters.

    Attributes:
        total: how many there are.
    """

    letters: tuple[DeadLetter, ...]
    total: int


class MessageQueue(Protocol):
    """The queues of the specification behind their topic exchange."""

    async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
        """Have the message kept; it is safe when this returns. Its id.

        Raises:
            InvalidInput: no queue takes the key, or the message is of another type than the key says.
            QueueUnavailable: it could not be kept, or nobody knows whether it was: publish it again with the
                same id.
        """
        ...

    def consume(
        self, queue: QueueName, handler: Handler, prefetch: int = PREFETCH
    ) -> AbstractAsyncContextManager[Consumer]:
        """Hand messages to `handler`, at most `prefetch` at once, until the block is left.

        Raises:
            InvalidInput: dead letters are not consumed.
        """
        ...

    async def depths(self) -> tuple[QueueDepth, ...]:
        """All four queues now.

        Raises:
            QueueUnavailable: they cannot be asked.
        """
        ...

    async def dead_letters(self, limit: int = 100, offset: int = 0) -> DeadLetterPage:
        """A part of the dead letters, oldest first.

        Raises:
            QueueUnavailable: they cannot be read.
        """
        ...

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """One of them.

        Raises:
            NotFound: there is none with this id.
            QueueUnavailable: they cannot be read.
        """
        ...

    async def send_again(
        self, letter_id: str, body: dict[str, Any] | None = None, routing_key: str | None = None
    ) -> UUID:
        """Publish a dead letter, as it was or changed, and take it from the dead letters. The message's id: a
        changed one has a new one, since who has seen the old one would leave it alone.

        Raises:
            NotFound: there is none with this id.
            InvalidInput: the body is not what the key says; nothing was done.
            QueueUnavailable: it may be there still.
        """
        ...

    async def discard(self, letter_id: str) -> None:
        """Take a dead letter away for good.

        Raises:
            NotFound: there is none with this id.
            QueueUnavailable: it may be there still.
        """
        ...

    def capability(self) -> Capability:
        """Who serves, and how well."""
        ...
