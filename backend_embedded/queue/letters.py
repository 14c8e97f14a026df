"""Dead letters and counts in words and values, as both adapters tell them."""

from __future__ import annotations

from typing import Any

import orjson

from backend_embedded.errors import NotFound
from backend_embedded.queue.messages import checked


def holds(waiting: int, dead: int) -> str:
    """What a queue holds, for people."""
    messages = "1 message" if waiting == 1 else f"{waiting:,} messages"
    letters = "1 dead letter" if dead == 1 else f"{dead:,} dead letters"
    return f"{messages}, {letters}"


def no_letter(letter_id: str) -> NotFound:
    """The error of an id that no dead letter has."""
    return NotFound(f"There is no dead letter {letter_id}.", letter_id=letter_id)


def readable(body: bytes) -> Any:
    """The JSON value of a body; the text of one that is not JSON."""
    try:
        return orjson.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def rewritten(
    key: str, content: bytes, body: dict[str, Any] | None, routing_key: str | None
) -> tuple[str, bytes, bool]:
    """Key and body to send a dead letter with, and whether they are as they were.

    Raises:
        InvalidInput: the body is not what the key says.
    """
    wanted = routing_key or key
    if body is None and wanted == key:
        return key, content, True
    new = checked(wanted, readable(content) if body is None else body)
    return wanted, new, (wanted, new) == (key, content)
