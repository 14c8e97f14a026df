"""The sampling parameters: what each means, its default and its range."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from backend_embedded.contract.generation import SamplingOptions

DEFAULTS = SamplingOptions()
HIGHEST_SEED = 2**32 - 2


@dataclass(frozen=True)
class Parameter:
    """One number that says how the next token is chosen.

    Attributes:
        field: of `SamplingOptions`.
        title: its name.
        meaning: what it does, in a sentence.
        low, high: the range that is offered.
        step: of the arrow keys.
        whole: only whole numbers.
        nothing: words in place of no value; empty where there always is one.
    """

    field: str
    title: str
    meaning: str
    low: float
    high: float
    step: float
    whole: bool = False
    nothing: str = ""

    @property
    def default(self) -> float | None:
        """The value that holds when none is chosen."""
        value: float | None = getattr(DEFAULTS, self.field)
        return value

    @property
    def help(self) -> str:
        """Meaning, default and range."""
        return f"{self.meaning} Default {self.words(self.default)}, from {self.low:g} to {self.high:g}."

    def words(self, value: float | None) -> str:
        """The value as it is read."""
        if value is None:
            return self.nothing
        return f"{value:.0f}" if self.whole else f"{value:.2f}"

    def value_in(self, options: SamplingOptions) -> float | None:
        """Its value there."""
        value: float | None = getattr(options, self.field)
        return value


PARAMETERS = (
    Parameter(
        "temperature",
        "Temperature",
        "Higher is more surprising; 0 always takes the likeliest token.",
        0,
        2,
        0.05,
    ),
    Parameter(
        "top_p", "Top P", "Keeps the likeliest tokens that together have this probability.", 0.01, 1, 0.01
    ),
    Parameter("top_k", "Top K", "Keeps so many of the likeliest tokens; 0 keeps all.", 0, 200, 1, True),
    Parameter(
        "min_p", "Min P", "Leaves out tokens less likely than this share of the likeliest one.", 0, 1, 0.01
    ),
    Parameter(
        "repeat_penalty", "Repeat penalty", "Makes tokens that were used less likely; 1 is off.", 0.5, 2, 0.05
    ),
    Parameter(
        "presence_penalty", "Presence penalty", "Lowers every token that was used once or more.", -2, 2, 0.1
    ),
    Parameter(
        "frequency_penalty",
        "Frequency penalty",
        "Lowers a token more the more often it was used.",
        -2,
        2,
        0.1,
    ),
    Parameter(
        "repeat_last_n", "Penalty window", "Tokens that the three penalties look back.", 0, 2048, 16, True
    ),
    Parameter(
        "max_tokens",
        "Longest answer",
        "Tokens after which the answer is cut.",
        1,
        32768,
        16,
        True,
        "no limit",
    ),
    Parameter(
        "seed",
        "Seed",
        "The same seed, prompt and options give the same answer.",
        0,
        HIGHEST_SEED,
        1,
        True,
        "random",
    ),
)


def with_value(options: SamplingOptions, field: str, value: float | None) -> SamplingOptions:
    """The options with one other value."""
    known = next(p for p in PARAMETERS if p.field == field)
    stored = round(value) if value is not None and known.whole else value
    return options.model_copy(update={field: stored})


def schema_from(text: str) -> tuple[dict[str, Any] | None, str]:
    """The JSON schema of a text and why it cannot be taken; both empty for an empty text."""
    if not text.strip():
        return None, ""
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        return None, f"This is no JSON: {error.msg}, line {error.lineno}, column {error.colno}."
    if not isinstance(schema, dict):
        return None, "A JSON schema is an object: { … }."
    if not schema:
        return None, "An empty schema says nothing of the answer."
    kinds = {"object", "array", "string", "number", "integer", "boolean", "null"}
    kind = schema.get("type")
    named = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    unknown = [str(name) for name in named if name not in kinds]
    return (None, f"There is no JSON type “{unknown[0]}”.") if unknown else (schema, "")


def answer_value(text: str) -> tuple[bool, Any]:
    """Whether an answer is JSON with a structure, and its value."""
    plain = text.strip()
    if not plain.startswith(("{", "[")):
        return False, None
    try:
        return True, json.loads(plain)
    except json.JSONDecodeError:
        return False, None
