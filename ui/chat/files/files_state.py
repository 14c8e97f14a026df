"""A file that is to go with the next question: on its way, read, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.chat import words

if TYPE_CHECKING:
    from backend_embedded.contract.attachments import Attachment

LARGE_PASTE = 4000
"""Characters of pasted text from which a file is offered instead."""
MOST_FILES = 20


@dataclass(frozen=True)
class PendingFile:
    """One file above the composer.

    Attributes:
        number: tells it from others of the same name.
        name: of the file.
        attachment: what was read; None while it is on its way or was refused.
        refused: why it cannot go along.
    """

    number: int
    name: str
    attachment: Attachment | None = None
    refused: str = ""

    @property
    def line(self) -> str:
        """Cost or state."""
        if self.refused:
            return "Refused"
        if self.attachment is None:
            return "Reading"
        return cost(self.attachment)


def cost(attachment: Attachment) -> str:
    """`1,284 tokens`, or the size while no model could count."""
    if attachment.tokens:
        return words.counted(attachment.tokens, "token")
    return words.file_size(attachment.size_bytes)


def caption(attachments: tuple[Attachment, ...]) -> str:
    """The files of a question in a line."""
    return words.SEPARATOR.join(f"{file.name} ({cost(file)})" for file in attachments)
