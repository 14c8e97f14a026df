"""The JSON lines between the backend and a model runner, as frozen dataclasses.

The first line to the runner is `RunnerConfig`; it answers `Ready` or `LoadFailed`. Then commands go in and
events come out, told apart by `id`. The runner leaves when its stdin closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """What a runner loads and how.

    Attributes:
        model_path: the GGUF file.
        name: name of the model, for messages.
        context_size: tokens that all sequences share, and that one may use alone.
        threads: threads that decode.
        sequences: answers decoded at the same time.
    """

    model_path: str
    name: str
    context_size: int
    threads: int
    sequences: int = 4


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; the same fields as the wire's `SamplingOptions`."""

    temperature: float = 0.7
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_last_n: int = 64
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None
    grammar: str | None = None
    logprobs: bool = False
    top_logprobs: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation.

    Attributes:
        tool_calls: what the model asked for: `id`, `name` and `arguments` of each.
        tool_name, tool_call_id: what a tool's turn is the result of.
    """

    role: str
    content: str
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    tool_name: str | None = None
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Generate:
    """Answer a prompt: `turns` by the model's template, or `raw` as it stands.

    With `tools` (`name`, `description` and `parameters` of each) the text shows control tokens too, because
    some models mark their calls with one.

    `ahead`: only read the prompt, but for its last token, so that its answer can begin sooner. Every other
    request ends that; when there is one already, it is not begun.
    """

    id: int
    turns: tuple[Turn, ...] = ()
    raw: str | None = None
    continue_last: bool = False
    options: Sampling = field(default_factory=Sampling)
    tools: list[dict[str, Any]] = field(default_factory=list)
    ahead: bool = False
    op: str = "generate"


@dataclass(frozen=True, slots=True)
class Count:
    """Count the tokens of a prompt, or (given `texts`) of each text by itself."""

    id: int
    turns: tuple[Turn, ...] = ()
    raw: str | None = None
    continue_last: bool = False
    texts: tuple[str, ...] = ()
    tools: list[dict[str, Any]] = field(default_factory=list)
    op: str = "count"


@dataclass(frozen=True, slots=True)
class Embed:
    """Make one vector of each text."""

    id: int
    texts: tuple[str, ...]
    op: str = "embed"


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a request; it is acknowledged by its `Done` (or whatever ended it before)."""

    id: int
    op: str = "cancel"


Command = Generate | Count | Embed | Cancel


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded; `context_size` is what one sequence may really use."""

    pid: int
    context_size: int
    load_ms: float
    kind: str = "ready"
    id: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The model cannot be loaded; the runner leaves."""

    code: str
    message: str
    remedy: str
    details: Mapping[str, Any]
    kind: str = "load_failed"
    id: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """The request waits in place `place` (1 is next)."""

    id: int
    place: int
    kind: str = "queued"


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt is being read."""

    id: int
    done: int
    total: int
    kind: str = "prompt"


@dataclass(frozen=True, slots=True)
class Text:
    """Some more text, whole characters only; `tokens` is the count of the answer so far.

    `logprobs` has `text`, `bytes`, `logprob` and `top` of each new token, when they were asked for.
    """

    id: int
    text: str
    tokens: int
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of an answer. Times in milliseconds."""

    id: int
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    queue_ms: float
    prompt_ms: float
    ttft_ms: float
    decode_ms: float
    tokens_per_s: float
    seed: int
    kind: str = "done"


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a request that could not be carried out; `code` is one of the contract's."""

    id: int
    code: str
    message: str
    remedy: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "failed"


@dataclass(frozen=True, slots=True)
class Counted:
    """The answer to `Count`; `each` has one count for each of its `texts`."""

    id: int
    tokens: int
    each: tuple[int, ...] = ()
    kind: str = "counted"


@dataclass(frozen=True, slots=True)
class Vectors:
    """The answer to `Embed`."""

    id: int
    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int
    kind: str = "vectors"


RunnerEvent = Ready | LoadFailed | Waiting | Reading | Text | Done | Failed | Counted | Vectors

_EVENTS: Mapping[str, type[RunnerEvent]] = {
    "ready": Ready,
    "load_failed": LoadFailed,
    "queued": Waiting,
    "prompt": Reading,
    "text": Text,
    "done": Done,
    "failed": Failed,
    "counted": Counted,
    "vectors": Vectors,
}


class RequestFailed(Exception):
    """A request that ends with `Failed`: its code, words and facts."""

    def __init__(self, code: str, message: str, remedy: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.details = details


def encode(line: RunnerConfig | Command | RunnerEvent) -> bytes:
    """One JSON line, with its newline."""
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def decode_config(line: bytes) -> RunnerConfig:
    """The first line that a runner reads."""
    return RunnerConfig(**orjson.loads(line))


def decode_command(line: bytes) -> Command:
    """A later line that a runner reads; ValueError if it is not a command."""
    fields = orjson.loads(line)
    match fields.pop("op"):
        case "generate":
            options = fields.pop("options")
            options["stop"] = tuple(options["stop"])
            return Generate(turns=_turns(fields), options=Sampling(**options), **fields)
        case "count":
            return Count(turns=_turns(fields), texts=tuple(fields.pop("texts")), **fields)
        case "embed":
            return Embed(id=fields["id"], texts=tuple(fields["texts"]))
        case "cancel":
            return Cancel(id=fields["id"])
        case other:
            raise ValueError(f"unknown command {other!r}")


def decode_event(line: bytes) -> RunnerEvent:
    """A line that a runner wrote; ValueError if it is not an event."""
    fields = orjson.loads(line)
    kind = _EVENTS.get(fields.pop("kind", ""))
    if kind is None:
        raise ValueError("not an event of a runner")
    if "each" in fields:
        fields["each"] = tuple(fields["each"])
    return kind(**fields)


def _turns(fields: dict[str, Any]) -> tuple[Turn, ...]:
    return tuple(Turn(**turn) for turn in fields.pop("turns"))
