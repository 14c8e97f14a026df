"""The list under its headings: pinned ones, folders, days; the archive is a list of its own."""

from __future__ import annotations

from collections import Counter
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
    conversations: Iterable[Conversation], now: datetime, *, archived: bool = False, tag: str = ""
) -> tuple[ConversationGroup, ...]:
    """The conversations under their headings, the latest first.

    Args:
        conversations: all of them.
        now: tells what today is.
        archived: show those of the archive, and only those.
        tag: show those that have this one; empty for all.
    """
    shown = [c for c in of_view(conversations, archived=archived) if not tag or tag in c.tags]
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


def of_view(conversations: Iterable[Conversation], *, archived: bool) -> list[Conversation]:
    """Those of the archive, or the others."""
    return [c for c in conversations if (c.archived_at is not None) == archived]


def tags_of(conversations: Iterable[Conversation]) -> tuple[tuple[str, int], ...]:
    """The tags that are in use and how many conversations have each."""
    counts = Counter(tag for conversation in conversations for tag in conversation.tags)
    return tuple(sorted(counts.items(), key=lambda one: (one[0].casefold(), one[0])))


def folders_of(conversations: Iterable[Conversation]) -> tuple[str, ...]:
    """The folders that are in use."""
    return tuple(sorted({c.folder for c in conversations if c.folder}, key=str.casefold))


def tags_from(text: str) -> tuple[str, ...]:
    """Tags from a line with commas, each once."""
    return tuple(dict.fromkeys(tag.strip().lstrip("#") for tag in text.split(",") if tag.strip(" #")))
