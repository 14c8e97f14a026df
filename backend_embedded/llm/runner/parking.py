"""States of conversations that wait outside the context, so that no answer computes attention over them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend_embedded.llm.runner.sequences import SHARED_PREFIX_TOKENS, common_prefix

LARGEST_BYTES = 256 * 1024 * 1024
WORTH_TOKENS = 16
"""A state is copied back when one in so many of its tokens is of use: copying is that much cheaper than reading."""


@dataclass(frozen=True, slots=True, eq=False)
class Parked:
    """The state of one sequence: its tokens, and what llama.cpp wrote for it."""

    tokens: list[int]
    data: ctypes.Array[ctypes.c_uint8]


class Parking:
    """Takes states of sequences out of a context and puts them back.

    All sequences of a context share its cells, and each new token is compared with every cell in use, also
    with those of other conversations. So only the sequences that are being answered stay in it.

    Args:
        llama: the low-level bindings.
        context: llama.cpp's context.
        largest_tokens: tokens that all parked states may have together; the oldest go first.
        partial: whether a state can be cut anywhere.
    """

    def __init__(self, llama: Any, context: Any, largest_tokens: int, *, partial: bool) -> None:
        self._llama = llama
        self._context = context
        self._memory = llama.llama_get_memory(context)
        self._largest_tokens = largest_tokens
        self._partial = partial
        self._parked: list[Parked] = []

    def park(self, sequence: int, tokens: list[int]) -> None:
        """Move a sequence's state out of the context; one that is too large is forgotten."""
        self.copy(sequence, tokens)
        self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def copy(self, sequence: int, tokens: list[int]) -> None:
        """Have a copy of a sequence's state, so that moving it out later costs nothing."""
        if any(one.tokens == tokens for one in self._parked):
            return
        size = int(self._llama.llama_state_seq_get_size(self._context, sequence))
        if not 0 < size <= LARGEST_BYTES:
            return
        data = (ctypes.c_uint8 * size)()
        if self._llama.llama_state_seq_get_data(self._context, data, size, sequence) == size:
            self._parked = [one for one in self._parked if not _covers(tokens, one.tokens)]
            self._parked.append(Parked(list(tokens), data))
            self._limit()

    def find(self, tokens: Sequence[int], beyond: int) -> Parked | None:
        """The state that saves most of reading a prompt, if it saves clearly more than `beyond` tokens."""
        useful = [(self._useful(one, tokens), one) for one in self._parked]
        keep, best = max(useful, key=lambda pair: pair[0], default=(0, None))
        if best is None or keep < beyond + SHARED_PREFIX_TOKENS or keep * WORTH_TOKENS < len(best.tokens):
            return None
        return best

    def put_back(self, parked: Parked, sequence: int, tokens: Sequence[int]) -> int:
        """Copy a state into an empty sequence and cut it to what a prompt shares; how many tokens that is."""
        keep = self._useful(parked, tokens)
        size = len(parked.data)
        if self._llama.llama_state_seq_set_data(self._context, parked.data, size, sequence) == 0:
            keep = 0
        if keep * 2 >= len(parked.tokens):
            self._parked.remove(parked)
        if keep < len(parked.tokens) and not self._llama.llama_memory_seq_rm(
            self._memory, sequence, keep or -1, -1
        ):
            self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)
            keep = 0
        return keep

    def _useful(self, parked: Parked, tokens: Sequence[int]) -> int:
        """Tokens of a state that a prompt shares; its last one is always read again for its logits."""
        shared = min(common_prefix(parked.tokens, tokens), len(tokens) - 1)
        return shared if self._partial or shared == len(parked.tokens) else 0

    def _limit(self) -> None:
        while len(self._parked) > 1 and (
            sum(len(one.tokens) for one in self._parked) > self._largest_tokens
            or sum(len(one.data) for one in self._parked) > LARGEST_BYTES
        ):
            del self._parked[0]


def _covers(longer: Sequence[int], shorter: Sequence[int]) -> bool:
    return longer[: len(shorter)] == shorter
