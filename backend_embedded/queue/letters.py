"""Dead letters and counts in words and values, as both adapters tell them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

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


CHANGED = UUID("9d6a3d0e-5c0f-4a5e-9a53-0c6f4d0f3f1b")
"""The space of the ids of changed letters."""


def changed_id(letter_id: str, key: str, content: bytes) -> UUID:
    """The id of a letter that is sent again changed: another one than before, since who has seen the old one would
    leave it alone; the same for the same change, so that one that had to be sent twice has effect once."""
    return uuid5(CHANGED, f"{letter_id} {key} {content.decode('utf-8', 'replace')}")


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
