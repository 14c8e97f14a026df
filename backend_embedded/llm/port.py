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
    Switched,
    TextDelta,
    Tool,
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
        tools: functions that the model may ask for; refused by a model whose template has none.
        keep_alive_s: seconds that the model stays loaded after it; None: as set, -1: for ever, 0: not at all.
    """

    turns: tuple[ChatTurn, ...] = ()
    raw: str | None = None
    continue_last: bool = False
    model: str | None = None
    options: SamplingOptions = field(default_factory=SamplingOptions)
    tools: tuple[Tool, ...] = ()
    keep_alive_s: float | None = None


GenerationStep = Queued | PromptProgress | TextDelta | Switched | Finished
"""One event of an answer as a provider makes it."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of some texts: `len(vectors)` = number of texts, each of the model's width, length 1."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """How much a model can hold at once, as it would be used now.

    Attributes:
        model: its name.
        provider: who would answer.
        size: tokens that one answer may hold with its prompt.
        largest: tokens that it could hold: the training context; 0 while unknown.
        bytes_per_token: memory that each further token of the context needs; 0 while unknown.
        free_bytes: memory that can be had without swapping; 0 while unknown.
        exact: counts come from the model's own tokenizer and template; False: they are estimated.
        resizable: `load` can give it another context size.
        refuses: a prompt that does not fit is refused by the provider; False: it is cut in silence.
    """

    model: str
    provider: str
    size: int
    largest: int = 0
    bytes_per_token: int = 0
    free_bytes: int = 0
    exact: bool = True
    resizable: bool = False
    refuses: bool = True


class LanguageModel(Protocol):
    """Generates text, counts tokens and embeds, with one or more models."""

    def capability(self) -> Capability:
        """State of the provider now; cheap, no input or output."""
        ...

    async def models(self) -> Sequence[Model]:
        """All models that can be named, usable or not (`problem` says why not), default one marked."""
        ...

    def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
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

    async def count_texts(self, texts: Sequence[str], model: str | None = None) -> Sequence[int]:
        """Tokens of each text by itself, without template or special tokens, in one round trip.

        Errors as `generate`.
        """
        ...

    async def context(self, model: str | None = None) -> ContextFacts:
        """What the model's context holds now; loads nothing. Errors as `generate`."""
        ...

    async def read_ahead(self, prompt: Prompt) -> None:
        """Read a prompt that may be asked soon, if nothing else is to be done; its answer begins sooner then.

        Does nothing where it cannot help, and ends when anything is asked. Errors as `generate`.
        """
        ...

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """Mean-pooled, normalised vectors of texts. Errors as `generate`."""
        ...

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        """Bring a model into memory now. Errors as `generate`.

        `context_size` is kept for this model until the backend ends: answers that are under way are waited
        for, then it is loaded again if its context is smaller than that.
        """
        ...

    async def unload(self, model: str) -> None:
        """Free a model's memory; one that is not loaded is left alone."""
        ...
