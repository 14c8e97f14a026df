"""The list under its headings: pinned ones, folders, days; the archive is a list of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.chat import words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from backend_embedded.contract.conversations import Conversation

PINNED = "Pinned"
ARCHIVED = "Archived"


@dataclass(frozen=True)
class ConversationGroup:
    """Conversations under one heading of the list."""

    title: str
    conversations: tuple[Conversation, ...]


def grouped(
    conversations: Iterable[Conversation], now: datetime, *, archived: bool = False
) -> tuple[ConversationGroup, ...]:
    """The conversations under their headings, the latest first.

    Args:
        conversations: all of them.
        now: tells what today is.
        archived: show those of the archive, and only those.
    """
    shown = [c for c in conversations if (c.archived_at is not None) == archived]
    latest = sorted(shown, key=lambda c: c.updated_at, reverse=True)
    if archived:
        return (ConversationGroup(ARCHIVED, tuple(latest)),) if latest else ()
    pinned = tuple(c for c in latest if c.pinned)
    folders: dict[str, list[Conversation]] = {}
    days: dict[str, list[Conversation]] = {}
    for conversation in (c for c in latest if not c.pinned):
        if conversation.folder:
            folders.setdefault(conversation.folder, []).append(conversation)
        else:
            days.setdefault(words.group_of(conversation.updated_at, now), []).append(conversation)
    groups = [ConversationGroup(PINNED, pinned)] if pinned else []
    groups += [ConversationGroup(name, tuple(folders[name])) for name in sorted(folders, key=str.casefold)]
    groups += [ConversationGroup(title, tuple(items)) for title, items in days.items()]
    return tuple(groups)


def folders_of(conversations: Iterable[Conversation]) -> tuple[str, ...]:
    """The folders that are in use."""
    return tuple(sorted({c.folder for c in conversations if c.folder}, key=str.casefold))


def tags_from(text: str) -> tuple[str, ...]:
    """Tags from a line with commas, each once."""
    return tuple(dict.fromkeys(tag.strip().lstrip("#") for tag in text.split(",") if tag.strip(" #")))
