"""What is searched for, and what is found, whichever index does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend_embedded.contract.generation import Role

FIRST, LAST = "\x02", "\x03"
"""Stand around what matched in an excerpt."""
EXCERPT_WORDS = 16
SHORTEST_BEGINNING = 2
"""A single letter begins too many words: it is looked for as a word of its own."""


@dataclass(frozen=True, slots=True)
class Query:
    """Words and phrases that a message has to hold.

    Attributes:
        parts: each a word, or words that stand beside each other.
        goes_on: the last word may be the beginning of one.
    """

    parts: tuple[str, ...]
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A message that matches, with an excerpt."""

    conversation_id: UUID
    title: str
    message_id: UUID
    role: Role
    created_at: datetime
    snippet: str


def parts_of(typed: str) -> tuple[str, ...]:
    """The words that were typed; those between double quotes are one part."""
    parts: list[str] = []
    for place, part in enumerate(typed.replace("\0", " ").split('"')):
        pieces = [" ".join(part.split())] if place % 2 else part.split()
        parts += [piece for piece in pieces if any(letter.isalnum() for letter in piece)]
    return tuple(parts)


def may_go_on(typed: str) -> bool:
    """Whether the last word may be the beginning of one: it is not too short, and no quoted one."""
    parts = parts_of(typed)
    ends_in_phrase = typed.rstrip().endswith('"') and typed.count('"') % 2 == 0
    return bool(parts) and not ends_in_phrase and len(parts[-1]) >= SHORTEST_BEGINNING
