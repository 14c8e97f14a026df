"""Messages, files and summaries as the turns that a model reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from backend_embedded.contract.attachments import AttachmentText
from backend_embedded.contract.conversations import Message
from backend_embedded.contract.generation import ChatTurn, Role

SUMMARY_HEAD = "Summary of the earlier part of this conversation:"
_FENCES = re.compile(r"^`{3,}", re.MULTILINE)

Files = Mapping[UUID, Sequence[AttachmentText]]
"""The files of each message that has some."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it is sent.

    Attributes:
        files: the text of its files, as it stands in the turn; empty: none.
    """

    id: UUID
    role: Role
    text: str
    files: str = ""

    @property
    def content(self) -> str:
        """The whole turn: the files first, then what is asked about them."""
        return f"{self.files}\n\n{self.text}" if self.files and self.text else self.files or self.text

    @property
    def turn(self) -> ChatTurn:
        """As the model reads it."""
        return ChatTurn(role=self.role, content=self.content)


def sent(message: Message, files: Files) -> Sent:
    """A stored message as it is sent."""
    return Sent(message.id, message.role, message.text, files_text(files.get(message.id, ())))


def files_text(files: Sequence[AttachmentText]) -> str:
    """Files as a model reads them: the name, then the text in a fence that it cannot close."""
    return "\n\n".join(_file_text(file) for file in files)


def _file_text(file: AttachmentText) -> str:
    longest = max((len(found) for found in _FENCES.findall(file.text)), default=2)
    fence = "`" * (longest + 1)
    name = " ".join(file.attachment.name.split())
    return f"File {name}:\n{fence}\n{file.text.rstrip()}\n{fence}"


def system_text(system: str, summary: str = "") -> str:
    """The system prompt, with the summary that stands for the turns that are not sent."""
    parts = [system.strip(), f"{SUMMARY_HEAD}\n{summary.strip()}" if summary.strip() else ""]
    return "\n\n".join(part for part in parts if part)


def turns_of(system: str, messages: Sequence[Sent]) -> tuple[ChatTurn, ...]:
    """The turns of a prompt; an empty system prompt is none."""
    turns = tuple(message.turn for message in messages)
    return (ChatTurn(role=Role.SYSTEM, content=system), *turns) if system else turns
