"""One figure of `make bench`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measure:
    """A figure, what it should be, and what it was measured against.

    Attributes:
        id: name in the table of `docs/performance.md`.
        value: the figure.
        unit: of value and limit; `×` for a ratio.
        limit: what the value should reach or stay under.
        at_least: True when more is better.
        baseline: what it was measured against, in words with its figure.
    """

    id: str
    value: float
    unit: str
    limit: float
    at_least: bool = False
    baseline: str = ""

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def target(self) -> str:
        """The target in words."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{'' if self.unit == '×' else ' ' + self.unit}"

    def facts(self) -> dict[str, Any]:
        """The object of `build/bench.json`."""
        facts = asdict(self) | {"target": self.target, "holds": self.holds, "value": round(self.value, 4)}
        del facts["limit"], facts["at_least"]
        return facts


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, nearest rank."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, -(-len(ranked) * 95 // 100) - 1)]
