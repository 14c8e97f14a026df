"""A conversation as Markdown for people: the branch that is shown."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from backend_embedded.contract.conversations import Message
from backend_embedded.contract.generation import Role
from backend_embedded.contract.transfer import WholeConversation

SPEAKERS = {Role.USER: "You", Role.ASSISTANT: "Assistant", Role.SYSTEM: "System", Role.TOOL: "Tool"}
RULE = "\n---\n\n"
"""Between two conversations."""


def as_markdown(conversations: Iterable[WholeConversation]) -> str:
    """All of them, one after the other, with a rule between."""
    return RULE.join(_one(whole) for whole in conversations)


def _one(whole: WholeConversation) -> str:
    there = whole.conversation
    lines = [f"# {there.title}", "", f"{there.created_at:%Y-%m-%d %H:%M} UTC", ""]
    if there.settings.system:
        lines += ["## System prompt", "", there.settings.system, ""]
    for message in _branch(whole):
        lines += [*_heading(message), "", message.text, ""]
        lines += [f"Attached: {one.name} ({one.characters} characters)" for one in message.attachments]
        lines += [""] if message.attachments else []
    return "\n".join(lines)


def _heading(message: Message) -> list[str]:
    who = SPEAKERS[message.role]
    if message.stats is not None and message.stats.model:
        who = f"{who} ({message.stats.model})"
    return [f"## {who}"]


def _branch(whole: WholeConversation) -> list[Message]:
    by_id = {message.id: message for message in whole.messages}
    found: list[Message] = []
    here: UUID | None = whole.conversation.leaf_id
    while here is not None and here in by_id:
        found.append(by_id[here])
        here = by_id[here].parent_id
    return found[::-1]
