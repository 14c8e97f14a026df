"""Answers to one question side by side, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import MessageStatus

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.conversations import Message
    from backend_embedded.contract.generation import SamplingOptions

LEAST, MOST = 2, 4


@dataclass(frozen=True)
class Way:
    """One model with its settings, in which the question is answered.

    Attributes:
        model: its name.
        title: of the column.
        options: sampling; None: as the conversation says.
    """

    model: str
    title: str
    options: SamplingOptions | None = None


@dataclass(frozen=True)
class Column:
    """One answer.

    Attributes:
        way: how it is made.
        answer: the message once it is stored; its text is kept by the streams while it is written.
        problem: why there is none.
    """

    way: Way
    answer: Message | None = None
    problem: str = ""


@dataclass(frozen=True)
class Comparison:
    """One question and its answers.

    Attributes:
        text: what was asked.
        columns: from left to right.
        conversation_id: where it is stored; None until the first answer began.
    """

    text: str
    columns: tuple[Column, ...]
    conversation_id: UUID | None = None

    @property
    def answering(self) -> bool:
        """Whether an answer is still to come or being written."""
        return any(
            not column.problem and (column.answer is None or column.answer.status is MessageStatus.WRITING)
            for column in self.columns
        )

    def place_of(self, message_id: UUID) -> int:
        """Which column shows this answer; -1: none."""
        found = (n for n, c in enumerate(self.columns) if c.answer is not None and c.answer.id == message_id)
        return next(found, -1)
