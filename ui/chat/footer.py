"""What stands under an answer, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import MessageStatus
from ui.chat import words

if TYPE_CHECKING:
    from backend_embedded.contract.conversations import Message
    from ui.chat.live_answer import LiveAnswer


@dataclass(frozen=True)
class Footer:
    """The line under an answer: a reason that comes first in the degraded colour, then facts."""

    reason: str
    facts: str


def footer(message: Message, live: LiveAnswer | None) -> Footer:
    """What stands under an answer."""
    if live is not None:
        return Footer("", live.status_line())
    parts: list[str] = []
    if message.status is MessageStatus.INCOMPLETE:
        parts.append("Incomplete")
    elif message.status is MessageStatus.STOPPED:
        parts.append("Stopped")
    elif message.status is MessageStatus.WRITING:
        parts.append("Writing")
    if message.stats is not None:
        parts.append(words.footer_facts(message.stats))
    reason = message.stats.reason if message.stats else ""
    told = message.context.told_prompt_tokens if message.context else None
    if not reason and told and message.stats is not None:
        reason = words.told_apart(message.stats.provider, told)
    return Footer(reason, words.SEPARATOR.join(parts))


def sibling_place(message: Message) -> tuple[int, int]:
    """Place among the answers to the same question and how many there are; (1, 1) when alone."""
    if message.id not in message.siblings:
        return 1, 1
    return message.siblings.index(message.id) + 1, len(message.siblings)
