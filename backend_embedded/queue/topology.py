"""The topic exchange of the specification (section 7.1), its queues, and which message goes where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import InvalidInput

EXCHANGE = "sutazai"
BINDINGS: Mapping[QueueName, str] = MappingProxyType(
    {QueueName.TASK: "task.*", QueueName.RESULT: "result.*", QueueName.EVENT: "event.*"}
)
DELIVERY_LIMIT = 3
"""How often a message is handed out again; after one more try it is a dead letter."""
LONGEST_KEY_BYTES = 255


def matches(pattern: str, routing_key: str) -> bool:
    """Whether a key matches a topic pattern: `*` stands for one word, `#` for any number of them."""
    return _match(tuple(pattern.split(".")), tuple(routing_key.split(".")))


@lru_cache(maxsize=1_024)
def queue_for(routing_key: str) -> QueueName:
    """The queue that a message with this key goes to.

    Raises:
        InvalidInput: no queue takes it.
    """
    if len(routing_key.encode()) <= LONGEST_KEY_BYTES:
        for queue, pattern in BINDINGS.items():
            if matches(pattern, routing_key):
                return queue
    raise unroutable(routing_key)


def unroutable(routing_key: str) -> InvalidInput:
    """The error of a key that no queue is bound to."""
    return InvalidInput(
        f"No queue takes messages with the key {routing_key!r}.",
        remedy=f"The keys are {', '.join(BINDINGS.values())}, with one word for the star.",
        routing_key=routing_key,
    )


def _match(pattern: tuple[str, ...], words: tuple[str, ...]) -> bool:
    if not pattern:
        return not words
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_match(rest, words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and head in ("*", words[0]) and _match(rest, words[1:])
