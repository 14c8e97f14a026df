"""What a prompt costs of a model's context, and what is done when it does not fit."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from backend_embedded.contract.generation import SamplingOptions
from backend_embedded.contract.wire import Wire


class ContextPolicy(StrEnum):
    """What is done when a conversation does not fit in the context any more; nothing is ever cut in silence."""

    ASK = "ask"
    """Refuse with the counts, and let the user choose."""
    DROP_OLDEST = "drop_oldest"
    """Leave the oldest turns out."""
    SUMMARIZE = "summarize"
    """Let the model shorten the middle into a summary, which is kept and can be edited."""
    ENLARGE = "enlarge"
    """Load the model again with a larger context, if memory and the model allow."""


class ContextUse(Wire):
    """Answer of `POST /api/v1/context`: where the tokens go if this were sent now.

    `system + history + attachments + question + overhead = prompt`; it fits when `prompt < size`, and
    `room = max(0, size - prompt)` is what is left for the answer.
    """

    model: str
    provider: str
    size: int
    """Tokens that the context holds."""
    largest: int
    """Tokens it could hold: the model's training context."""
    prompt: int
    system: int
    history: int
    attachments: int
    question: int
    overhead: int
    """What the template adds between and around the turns."""
    room: int
    fits: bool
    exact: bool = True
    """False: the provider has no tokenizer that can be asked, and the counts are estimated."""
    enlarged_size: int = 0
    """The context size that `enlarge` would choose; 0 when it cannot help."""
    enlarged_bytes: int = 0
    """Memory that it would need more than now."""
    droppable: int = 0
    """Turns that `drop_oldest` would leave out."""


class ContextRequest(Wire):
    """Body of `POST /api/v1/context`: what would be asked; the fields are those of `ChatRequest`."""

    conversation_id: UUID | None = None
    parent_id: UUID | None = None
    as_root: bool = False
    content: str = ""
    attachments: tuple[UUID, ...] = ()
    model: str | None = None
    system: str | None = None
    options: SamplingOptions | None = None
    read_ahead: bool = False
    """It is being typed: the model may read it already, so that the answer begins sooner."""


class Summary(Wire):
    """A summary of the middle of a conversation, made by the model; the user may edit its text."""

    id: UUID
    text: str
    covers: tuple[UUID, ...]
    """Messages that it stands for, oldest first."""
    edited: bool = False
    tokens: int = 0


class SummaryPatch(Wire):
    """Body of `PATCH /api/v1/summaries/{id}`."""

    text: str


class AnswerContext(Wire):
    """What the model did not read as it stands for one answer."""

    policy: ContextPolicy
    unseen: tuple[UUID, ...] = ()
    """Messages that were left out, oldest first."""
    summary: Summary | None = None
    """What stood for them."""
    size: int = 0
    """Tokens of the context that it was answered with."""
    told_prompt_tokens: int | None = None
    """The count that the provider told, when it is not ours."""
