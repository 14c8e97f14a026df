"""The rows of tokens that llama.cpp reads in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Batch:
    """Tokens of one or more sequences, at most `rows` of them.

    Attributes:
        raw: as llama.cpp takes it.
    """

    def __init__(self, llama: Any, rows: int) -> None:
        self.raw: Any = llama.llama_batch_init(rows, 0, 1)
        self._count = 0

    @property
    def count(self) -> int:
        """Rows that are filled."""
        return self._count

    def clear(self) -> None:
        """Begin anew."""
        self._count = self.raw.n_tokens = 0

    def put(
        self, tokens: Sequence[int], start: int, sequence: int, *, last: bool = True, every: bool = False
    ) -> None:
        """Add tokens that stand at `start` and after it in a sequence.

        Args:
            last: the outputs of the last one are wanted.
            every: those of all of them are wanted.
        """
        raw, at = self.raw, self._count
        token, position, of_sequence, wanted = raw.token, raw.pos, raw.seq_id, raw.logits
        sequences = raw.n_seq_id
        for offset, value in enumerate(tokens):
            row = at + offset
            token[row] = value
            position[row] = start + offset
            sequences[row] = 1
            of_sequence[row][0] = sequence
            wanted[row] = every
        self._count = raw.n_tokens = at + len(tokens)
        if last:
            wanted[self._count - 1] = 1
