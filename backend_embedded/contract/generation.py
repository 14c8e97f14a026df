"""One request to a language model and the events that its streamed answer is made of."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.json_values import JsonObject
from backend_embedded.contract.wire import Wire


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    """The result of a tool call."""


class ToolCall(Wire):
    """A call of a tool that the model asked for."""

    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Tool(Wire):
    """A function that the model may ask for."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """JSON schema of the arguments."""


class ChatTurn(Wire):
    """One turn as the model reads it."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """What an assistant's turn asked for."""
    tool_name: str | None = None
    """Which tool a tool's turn is the result of."""
    tool_call_id: str | None = None


class SamplingOptions(Wire):
    """How the next token is chosen; the defaults are those of llama.cpp's own sampler chain."""

    temperature: float = Field(0.7, ge=0, le=5)
    """0 takes the likeliest token always."""
    top_k: int = Field(40, ge=0)
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = Field(0.95, gt=0, le=1)
    min_p: float = Field(0.05, ge=0, le=1)
    repeat_penalty: float = Field(1.1, gt=0)
    """1 is off."""
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    repeat_last_n: int = Field(64, ge=0)
    """Tokens that the three penalties look back."""
    seed: int | None = Field(None, ge=0, le=2**32 - 2)
    """The same seed, prompt and options give the same answer; None draws one."""
    max_tokens: int | None = Field(None, ge=1)
    """Longest answer in tokens; None: to the end of the context."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these."""
    json_schema: JsonObject | None = None
    """The answer is held to this JSON schema."""
    grammar: str | None = None
    """The answer is held to this GBNF grammar (not together with json_schema)."""
    logprobs: bool = False
    """Each piece of text carries the log probability of its tokens."""
    top_logprobs: int = Field(0, ge=0, le=20)
    """So many of the likeliest tokens are told with each token (with `logprobs`)."""


class GenerateRequest(Wire):
    """Body of `POST /api/v1/generate`: one prompt, no conversation (specification 4.1)."""

    prompt: str = Field(min_length=1)
    model: str | None = None
    """Name of a model; None takes the default one."""
    system: str | None = None
    raw: bool = False
    """True: the prompt is given to the model as it stands, without the chat template."""
    options: SamplingOptions = SamplingOptions()
    stream: bool = True


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    """The model ended it, or a stop string came."""
    LENGTH = "length"
    """The token limit or the end of the context was reached."""
    CANCELLED = "cancelled"
    """The user stopped it, or the client went away."""
    ERROR = "error"


class GenerationStats(Wire):
    """Who answered and in what time. Times in milliseconds."""

    provider: str
    """For example `llama.cpp`."""
    model: str
    quantization: str = ""
    reason: str = ""
    """Why this provider and model, when it is not the first choice; else empty."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens whose state was kept from an earlier turn."""
    completion_tokens: int = 0
    queue_ms: float = 0
    prompt_ms: float = 0
    ttft_ms: float = 0
    """Request accepted by the engine to first token, queue included."""
    decode_ms: float = 0
    tokens_per_s: float = 0
    """Decode rate of this answer."""
    seed: int = 0
    finish_reason: FinishReason = FinishReason.STOP
    cached: bool = False
    """The answer was made earlier, by an equal request, and taken from the cache; the figures are of then."""


class Queued(Wire):
    """The request waits; place 1 is next."""

    kind: Literal["queued"] = "queued"
    place: int


class PromptProgress(Wire):
    """The prompt is being read."""

    kind: Literal["prompt"] = "prompt"
    done: int
    total: int


class LikelyToken(Wire):
    """A token that the model might have chosen."""

    text: str
    bytes: tuple[int, ...]
    """Its UTF-8 bytes; a part of a character has no text of its own."""
    logprob: float
    """Natural logarithm of its probability."""


class TokenLogprob(LikelyToken):
    """A token that the model chose, and the likeliest ones at its place."""

    top: tuple[LikelyToken, ...] = ()


class TextDelta(Wire):
    """Some more text; whole characters only."""

    kind: Literal["text"] = "text"
    text: str
    tokens: int
    """Completion tokens so far."""
    logprobs: tuple[TokenLogprob, ...] = ()


class Switched(Wire):
    """From here on another provider goes on with the answer, from what was already there."""

    kind: Literal["switched"] = "switched"
    provider: str
    model: str
    reason: str
    """Why the one before it could not go on."""
    offset: int
    """Characters of the answer that were there before."""


class Finished(Wire):
    """The last event of an answer that ended by itself, by its limit or by a stop."""

    kind: Literal["finished"] = "finished"
    stats: GenerationStats
    tool_calls: tuple[ToolCall, ...] = ()


class Failed(Wire):
    """The last event of an answer that could not be finished."""

    kind: Literal["failed"] = "failed"
    error: ErrorBody


GenerationEvent = Annotated[
    Queued | PromptProgress | TextDelta | Switched | Finished | Failed, Field(discriminator="kind")
]
"""One server-sent event of `/api/v1/generate`; its `event:` field is the kind, its data this object."""

generation_event = TypeAdapter[GenerationEvent](GenerationEvent)


class Generated(Wire):
    """Answer of `POST /api/v1/generate` with `stream: false`."""

    text: str
    stats: GenerationStats
