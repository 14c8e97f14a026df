"""What of the sequences is in a context's cells: kept, copied, parked and forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend_embedded.llm.runner.answer import Answer
from backend_embedded.llm.runner.parking import Parking
from backend_embedded.llm.runner.sequences import Choice, Slot


class Cells:
    """The cells that all sequences of a context share.

    Args:
        llama: the low-level bindings.
        context: llama.cpp's context.
        size: how many there are.
        slots: the sequences.
        partial: whether a state can be cut anywhere.
    """

    def __init__(self, llama: Any, context: Any, size: int, slots: Sequence[Slot], *, partial: bool) -> None:
        self.size = size
        self._llama = llama
        self._memory = llama.llama_get_memory(context)
        self._slots = slots
        self._parking = Parking(llama, context, size, partial=partial)

    def prepare(self, answer: Answer, choice: Choice) -> int:
        """Bring the state that saves most into a sequence, and park what nobody works on; tokens saved."""
        slot = choice.slot
        parked = None if answer.repeatable else self._parking.find(answer.tokens, choice.keep)
        if parked is None:
            keep = self._keep(slot, choice.keep, choice.copy_from)
            self._park_idle(but=slot)
            return keep
        self._park_idle()
        keep = self._parking.put_back(parked, slot.id, answer.tokens)
        slot.kept = answer.tokens[:keep]
        return keep

    def copy_idle(self) -> None:
        """Have copies of what idle sequences keep, so that moving them out later costs nothing."""
        for slot in self._slots:
            if slot.answer is None and slot.kept and not slot.draft:
                self._parking.copy(slot.id, slot.kept)

    def forget(self, slot: Slot) -> None:
        """Free all cells of a sequence."""
        self._llama.llama_memory_seq_rm(self._memory, slot.id, -1, -1)
        slot.kept.clear()

    def forget_oldest(self) -> bool:
        """Free those of the sequence that is idle longest; False when none is."""
        idle = [slot for slot in self._slots if slot.answer is None and slot.kept]
        if not idle:
            return False
        self.forget(min(idle, key=lambda slot: slot.used_s))
        return True

    def _park_idle(self, but: Slot | None = None) -> None:
        for slot in self._slots:
            if slot.answer is None and slot.kept and slot is not but:
                self._parking.park(slot.id, slot.kept)
                slot.kept = []

    def _keep(self, slot: Slot, keep: int, donor: Slot | None) -> int:
        """Cut a sequence's state down to `keep` tokens, or copy that many from another; returns how many."""
        if donor is not None and donor is not slot:
            self.forget(slot)
            self._llama.llama_memory_seq_cp(self._memory, donor.id, slot.id, 0, keep)
            slot.kept = donor.kept[:keep]
        elif len(slot.kept) > keep:
            if keep and self._llama.llama_memory_seq_rm(self._memory, slot.id, keep, -1):
                del slot.kept[keep:]
            else:
                self.forget(slot)
        return len(slot.kept)
