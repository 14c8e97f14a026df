"""One check of the doctor and its three possible outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK, DEGRADED, DOWN = "ok", "degraded", "down"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        id: stable name of the check.
        state: `ok`, `degraded` or `down`.
        meaning: what was found and what it means, a sentence.
        remedy: how to mend it; empty when there is nothing to mend.
    """

    id: str
    state: str
    meaning: str
    remedy: str = ""


Check = Callable[[], Finding]


def examine(name: str, check: Check) -> Finding:
    """Carry out a check; one that fails itself is a finding as well."""
    try:
        return check()
    except Exception as error:  # the doctor must look at all the rest too
        return Finding(
            name, DEGRADED, f"The check itself failed: {type(error).__name__}: {error}", "Report this."
        )


def worst(findings: Sequence[Finding]) -> str:
    """The worst state of all."""
    states = {finding.state for finding in findings}
    return next((state for state in (DOWN, DEGRADED) if state in states), OK)
