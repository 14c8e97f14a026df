"""The port behind which every provider of language models stands."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    PromptProgress,
    Queued,
    SamplingOptions,
    TextDelta,
)
from backend_embedded.contract.models import Model
from backend_embedded.contract.status import Capability


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked to go on from.

    Attributes:
        turns: the conversation; empty when `raw` is given.
        raw: text that is read as it stands, without the chat template.
        continue_last: the last turn is the model's own and is gone on with, not answered.
        model: name of a model; None takes the default one.
        options: how tokens are chosen.
    """

    turns: tuple[ChatTurn, ...] = ()
    raw: str | None = None
    continue_last: bool = False
    model: str | None = None
    options: SamplingOptions = field(default_factory=SamplingOptions)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of some texts: `len(vectors)` = number of texts, each of the model's width, length 1."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


class LanguageModel(Protocol):
    """Generates text, counts tokens and embeds, with one or more models."""

    def capability(self) -> Capability:
        """State of the provider now; cheap, no input or output."""
        ...

    async def models(self) -> Sequence[Model]:
        """All models that can be named, usable or not (`problem` says why not), default one marked."""
        ...

    def generate(
        self, prompt: Prompt
    ) -> AsyncGenerator[Queued | PromptProgress | TextDelta | Finished, None]:
        """Stream an answer; the last event is `Finished`, also after a stop string or the limit.

        Closing the generator (or cancelling its task) stops the engine within 300 ms.

        Raises:
            ModelNotFound, ModelFileInvalid, ModelUnsupported, NotEnoughMemory: the model cannot be had.
            ContextExceeded: the prompt does not fit; nothing was cut.
            InvalidInput: a schema or grammar that cannot be used.
            QueueFull, EngineMissing, EngineCrashed: the engine cannot serve; text yielded so far stands.
        """
        ...

    async def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt with the model's own template and tokenizer. Errors as `generate`."""
        ...

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """Mean-pooled, normalised vectors of texts. Errors as `generate`."""
        ...

    async def load(self, model: str | None = None) -> None:
        """Bring a model into memory now. Errors as `generate`."""
        ...

    async def unload(self, model: str) -> None:
        """Free a model's memory; one that is not loaded is left alone."""
        ...
