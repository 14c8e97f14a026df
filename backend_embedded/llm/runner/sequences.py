"""The sequences that llama.cpp decodes side by side: who has which, and which state is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend_embedded.llm.runner.answer import Answer

SHARED_PREFIX_TOKENS = 32
"""Shorter prefixes are not worth copying from another sequence."""


@dataclass(slots=True)
class Slot:
    """One sequence of the context.

    Attributes:
        id: its number in llama.cpp.
        kept: tokens whose state is in the cache, in order.
        answer: the request that has it; None while it only keeps its state.
        draft: what it keeps was read ahead and may never be asked.
    """

    id: int
    kept: list[int] = field(default_factory=list)
    answer: Answer | None = None
    draft: bool = False
    used_s: float = 0.0

    @property
    def unread(self) -> int:
        """Tokens of its answer that the model has not seen yet (1 while it writes)."""
        return 0 if self.answer is None else len(self.answer.tokens) - len(self.kept)

    def release(self) -> None:
        """Give the sequence up; its state stays for a later turn."""
        self.answer = None
        self.used_s = time.monotonic()


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of the beginning that two lists of tokens share."""
    shorter = min(len(left), len(right))
    if left[:shorter] == right[:shorter]:
        return shorter
    low, high = 0, shorter  # left[:low] is equal, left[:high] is not
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


@dataclass(frozen=True, slots=True)
class Choice:
    """The sequence for a request, what of its state stays, and whether that is copied from another."""

    slot: Slot
    keep: int
    copy_from: Slot | None = None


def choose(slots: Sequence[Slot], tokens: Sequence[int], *, partial: bool) -> Choice | None:
    """The free sequence that saves most work for a prompt; None when all are taken.

    The last token is always read again, because its logits are needed.

    Args:
        slots: all sequences.
        tokens: the prompt.
        partial: whether the model's state can be cut anywhere; else only the whole of it can be used.
    """
    free = [slot for slot in slots if slot.answer is None]
    if not free:
        return None
    shared = {slot.id: min(common_prefix(slot.kept, tokens), len(tokens) - 1) for slot in slots}
    if not partial:
        shared = {slot.id: shared[slot.id] if shared[slot.id] == len(slot.kept) else 0 for slot in slots}
    best = max(free, key=lambda slot: (shared[slot.id], -slot.used_s))
    keep = shared[best.id]
    if keep * 2 >= len(best.kept):
        donor = max(slots, key=lambda slot: shared[slot.id])
        if partial and shared[donor.id] >= keep + SHARED_PREFIX_TOKENS:
            return Choice(best, shared[donor.id], donor)
        return Choice(best, keep)
    # The best one keeps much that another turn may still need: take the one unused longest instead.
    oldest = min(free, key=lambda slot: (bool(slot.kept), slot.used_s))
    if oldest is best or not partial:
        return Choice(oldest, shared[oldest.id])
    donor = max(slots, key=lambda slot: shared[slot.id])
    if shared[donor.id] >= SHARED_PREFIX_TOKENS:
        return Choice(oldest, shared[donor.id], donor)
    return Choice(oldest, shared[oldest.id])
