"""JSON values from outside that every database keeps and every answer can tell as they came."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator

DEEPEST = 100
"""Lists and objects within each other; what writes JSON here knows about two and a half times as many."""
LEAST, GREATEST = -(2**63), 2**64 - 1
"""Whole numbers beyond these no writer of JSON here knows."""


def keepable(value: Any) -> Any:
    """The value. Raises ValueError for what JSON can say and not all parts of the program can."""
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        match one:
            case str():
                _refuse_halves(one)
            case bool() | None:
                pass
            case int():
                if not LEAST <= one <= GREATEST:
                    raise ValueError("a whole number of more than 64 bits")
            case float():
                if not math.isfinite(one):
                    raise ValueError("a number that is not finite")
            case dict() | list() | tuple():
                if depth > DEEPEST:
                    raise ValueError(f"more than {DEEPEST} lists and objects within each other")
                if isinstance(one, dict):
                    waiting.extend((name, depth) for name in one)
                    waiting.extend((inner, depth + 1) for inner in one.values())
                else:
                    waiting.extend((inner, depth + 1) for inner in one)
    return value


def _refuse_halves(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text with half a character (a lone surrogate)") from None


JsonValue = Annotated[Any, AfterValidator(keepable)]
"""Any of them."""
JsonObject = Annotated[dict[str, Any], AfterValidator(keepable)]
"""One with names."""
