"""How many prompt tokens one step may read, so that a stop never waits long."""

from __future__ import annotations

ALONE_S = 0.12
BESIDE_ANSWERS_S = 0.06


class Pace:
    """Learns the cost of a prompt token from what steps took.

    Args:
        largest: most tokens of one step.
        first: tokens of the first step, before anything is known.
    """

    def __init__(self, largest: int, first: int) -> None:
        self._largest = largest
        self._limit = min(first, largest)
        self._token_s = 0.0

    def chunk(self, beside_answers: bool) -> int:
        """Prompt tokens that the next step may read; fewer while answers are written beside it."""
        if not self._token_s:
            return self._limit
        target_s = BESIDE_ANSWERS_S if beside_answers else ALONE_S
        return max(8, min(self._limit, int(target_s / self._token_s)))

    def learn(self, tokens: int, took_s: float) -> None:
        """Take in a step that read `tokens` in all; short steps say too little and are passed over."""
        if tokens < 8:
            return
        cost_s = took_s / tokens
        # A rise counts at once: the longer the context, the dearer its tokens.
        self._token_s = max(cost_s, 0.5 * (self._token_s + cost_s)) if self._token_s else cost_s
        self._limit = min(self._largest, max(self._limit, 2 * tokens))
