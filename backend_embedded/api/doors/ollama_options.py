"""Options of Ollama's requests: checked as Ollama checks them, with its own defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend_embedded.api.doors.failures import BadRequest
from backend_embedded.contract.generation import SamplingOptions

LARGEST_SEED = 2**32 - 2
LARGEST_TEMPERATURE = 5.0
SMALLEST_TOP_P = 1e-6
LOOK_BACK_TO_THE_START = 1_048_576
INTEGERS = frozenset(
    {
        "num_keep",
        "seed",
        "num_predict",
        "top_k",
        "repeat_last_n",
        "num_ctx",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "draft_num_predict",
    }
)
NUMBERS = frozenset(
    {
        "top_p",
        "min_p",
        "typical_p",
        "temperature",
        "repeat_penalty",
        "presence_penalty",
        "frequency_penalty",
    }
)
BOOLEANS = ("use_mmap",)
JSON_OBJECT: dict[str, Any] = {"type": "object"}


@dataclass(frozen=True, slots=True)
class OllamaOptions:
    """Options with their types checked and what was not given filled in; unknown ones are left out."""

    seed: int = -1
    num_predict: int = -1
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.0
    temperature: float = 0.8
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_last_n: int = 64
    num_ctx: int = 0
    """Tokens that the context is to hold; 0: as set."""
    stop: tuple[str, ...] = ()


def read_options(given: Mapping[str, Any] | None) -> OllamaOptions:
    """The options of a request. Raises BadRequest, in Ollama's words."""
    checked = {name: _checked(name, value) for name, value in (given or {}).items() if value is not None}
    known = {name: value for name, value in checked.items() if name in OllamaOptions.__dataclass_fields__}
    return OllamaOptions(**known)


def sampling(
    options: OllamaOptions, schema: dict[str, Any] | None, logprobs: bool | None, top_logprobs: int | None
) -> SamplingOptions:
    """The same for our models, held to what they take. Raises BadRequest."""
    if top_logprobs is not None and not 0 <= top_logprobs <= 20:
        raise BadRequest("top_logprobs must be between 0 and 20", "top_logprobs")
    look_back = options.repeat_last_n if options.repeat_last_n >= 0 else LOOK_BACK_TO_THE_START
    return SamplingOptions(
        temperature=min(max(options.temperature, 0.0), LARGEST_TEMPERATURE),
        top_k=max(options.top_k, 0),
        top_p=min(max(options.top_p, SMALLEST_TOP_P), 1.0),
        min_p=min(max(options.min_p, 0.0), 1.0),
        repeat_penalty=options.repeat_penalty if options.repeat_penalty > 0 else 1.0,
        presence_penalty=min(max(options.presence_penalty, -2.0), 2.0),
        frequency_penalty=min(max(options.frequency_penalty, -2.0), 2.0),
        repeat_last_n=look_back,
        seed=None if options.seed == -1 else options.seed % (LARGEST_SEED + 1),
        max_tokens=options.num_predict if options.num_predict > 0 else None,
        stop=options.stop,
        json_schema=schema,
        logprobs=bool(logprobs),
        top_logprobs=top_logprobs or 0 if logprobs else 0,
    )


def schema_of(form: object) -> dict[str, Any] | None:
    """The JSON schema that `format` stands for. Raises BadRequest."""
    match form:
        case None | "":
            return None
        case "json":
            return JSON_OBJECT
        case dict():
            return form
    raise BadRequest(f'invalid format: {form!r}; expected "json" or a valid JSON Schema object', "format")


def _checked(name: str, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in INTEGERS:
        if not number:
            raise _refused(name, "integer")
        return int(value)
    if name in NUMBERS:
        if not number:
            raise _refused(name, "float32")
        return float(value)
    if name in BOOLEANS and not isinstance(value, bool):
        raise _refused(name, "boolean")
    if name == "stop":
        if not isinstance(value, list):
            raise _refused(name, "array")
        if not all(isinstance(one, str) for one in value):
            raise BadRequest('option "stop" must be of an array of strings', "options.stop")
        return tuple(one for one in value if one)
    return value


def _refused(name: str, kind: str) -> BadRequest:
    return BadRequest(f'option "{name}" must be of type {kind}', f"options.{name}")
