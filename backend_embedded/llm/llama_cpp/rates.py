"""How fast each model is on this machine: measured at its answers, kept in a small file."""

from __future__ import annotations

import json
import logging
from pathlib import Path

log = logging.getLogger(__name__)

FEWEST_TOKENS = 32
"""Shorter answers say little."""


class MeasuredRates:
    """Tokens per second of the latest answer of some length, by the model's name.

    Args:
        file: where they are kept; None keeps them in memory only.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._rates = _read(file) if file is not None else {}

    def of(self, model: str) -> float:
        """The rate of a model; 0 while unknown."""
        return self._rates.get(model, 0.0)

    def note(self, model: str, tokens: int, tokens_per_s: float) -> bool:
        """Take the figure of an answer; False if it is too short to tell."""
        if tokens < FEWEST_TOKENS or tokens_per_s <= 0:
            return False
        self._rates[model] = round(tokens_per_s, 1)
        return True

    def keep(self) -> None:
        """Write the file; blocking."""
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._rates, indent=1), encoding="utf-8")
            part.replace(self._file)
        except OSError as error:
            log.info("The measured rates could not be kept: %s", error)


def _read(file: Path) -> dict[str, float]:
    try:
        rates = json.loads(file.read_bytes())
        return {str(name): float(rate) for name, rate in rates.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
