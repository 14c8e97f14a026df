"""How far an answer is that is being made, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ui.chat import words

if TYPE_CHECKING:
    from uuid import UUID


class Phase(StrEnum):
    """How far an answer is that is being made."""

    SENT = "sent"
    QUEUED = "queued"
    READING = "reading"
    WRITING = "writing"


@dataclass(frozen=True)
class LiveAnswer:
    """Progress of one answer that is being made; times are of the presenter's clock, in seconds."""

    conversation_id: UUID
    message_id: UUID
    model: str
    phase: Phase = Phase.SENT
    place: int = 0
    prompt_done: int = 0
    prompt_total: int = 0
    tokens: int = 0
    sent_s: float = 0.0
    first_s: float = 0.0
    now_s: float = 0.0
    restarting: bool = False
    """The model's runner ended and is being started again."""

    @property
    def tokens_per_s(self) -> float:
        """Rate since the first token; 0 while unknown."""
        elapsed = self.now_s - self.first_s
        return (self.tokens - 1) / elapsed if self.tokens > 1 and elapsed > 0.2 else 0.0

    def status_line(self) -> str:
        """The footer while the answer is made."""
        match self.phase:
            case Phase.SENT if self.restarting:
                return "Sent, the model is being started again"
            case Phase.SENT:
                return "Sent, waiting for the model"
            case Phase.QUEUED:
                return f"Queued, place {self.place}"
            case Phase.READING:
                done, total = words.grouped(self.prompt_done), words.counted(self.prompt_total, "token")
                return f"Reading prompt {done} of {total}"
            case Phase.WRITING:
                elapsed = words.duration(max(0.1, self.now_s - self.sent_s))
                parts = (
                    "Writing",
                    words.rate(self.tokens_per_s),
                    words.counted(self.tokens, "token"),
                    elapsed,
                )
                return words.SEPARATOR.join(parts)
