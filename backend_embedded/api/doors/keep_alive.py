"""How long a model stays in memory after a request, as Ollama's clients write it."""

from __future__ import annotations

import re

from backend_embedded.api.doors.failures import BadRequest

FOR_EVER = -1.0
UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def keep_alive_s(given: object) -> float | None:
    """Seconds; -1: for ever, 0: not at all, None: as set.

    Args:
        given: a number of seconds, a Go duration ("1h30m", "-1s"), or None.

    Raises:
        BadRequest: it is neither.
    """
    match given:
        case None:
            return None
        case bool():
            raise BadRequest(f"Unsupported type: '{type(given).__name__}'", "keep_alive")
        case int() | float():
            seconds = float(given)
        case str():
            seconds = go_duration_s(given)
        case _:
            raise BadRequest(f"Unsupported type: '{type(given).__name__}'", "keep_alive")
    return FOR_EVER if seconds < 0 else seconds


def go_duration_s(text: str) -> float:
    """Seconds of a Go duration. Raises BadRequest, in Go's words."""
    if not text:
        raise BadRequest('time: invalid duration ""', "keep_alive")
    sign = -1.0 if text[0] == "-" else 1.0
    rest = text[1:] if text[0] in "+-" else text
    if rest == "0":
        return 0.0
    total, at = 0.0, 0
    while found := _PART.match(rest, at):
        total += float(found[1]) * UNITS_S[found[2]]
        at = found.end()
    if at != len(rest) or not rest:
        missing = rest.replace(".", "", 1).isdigit()
        what = "missing unit in duration" if missing else "invalid duration"
        raise BadRequest(f'time: {what} "{text}"', "keep_alive")
    return sign * total
