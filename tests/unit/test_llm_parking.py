"""Which states wait outside the context, and which comes back for a prompt."""

from __future__ import annotations

import ctypes
from typing import Any

from backend_embedded.llm.runner.parking import Parking


class Llama:
    """Sequences as llama.cpp would keep them: their tokens are their state."""

    def __init__(self) -> None:
        self.sequences: dict[int, list[int]] = {}

    def llama_get_memory(self, _context: object) -> object:
        return object()

    def llama_state_seq_get_size(self, _context: object, sequence: int) -> int:
        return len(self.sequences[sequence])

    def llama_state_seq_get_data(self, _context: object, data: Any, size: int, sequence: int) -> int:
        ctypes.memmove(data, bytes(self.sequences[sequence]), size)
        return size

    def llama_state_seq_set_data(self, _context: object, data: Any, size: int, sequence: int) -> int:
        self.sequences[sequence] = list(bytes(data))
        return size

    def llama_memory_seq_rm(self, _memory: object, sequence: int, start: int, _end: int) -> bool:
        del self.sequences[sequence][max(0, start) :]
        return True


def parked(*states: list[int], largest: int = 1000, partial: bool = True) -> tuple[Llama, Parking]:
    llama = Llama()
    parking = Parking(llama, object(), largest, partial=partial)
    for number, tokens in enumerate(states):
        llama.sequences[number] = list(tokens)
        parking.park(number, tokens)
        assert llama.sequences[number] == []
    return llama, parking


ONE = [1] * 100
TWO = [2] * 100


def test_a_parked_state_comes_back_as_far_as_a_prompt_shares_it() -> None:
    llama, parking = parked(ONE, TWO)
    found = parking.find([*TWO[:60], 9, 9], beyond=0)
    assert found is not None
    assert parking.put_back(found, 3, [*TWO[:60], 9, 9]) == 60
    assert llama.sequences[3] == TWO[:60]
    assert parking.find([*TWO, 9], beyond=0) is None  # it lives in the context now


def test_the_last_token_of_a_prompt_is_always_read_again() -> None:
    _, parking = parked(ONE)
    found = parking.find(ONE, beyond=0)
    assert found is not None
    assert parking.put_back(found, 0, ONE) == len(ONE) - 1


def test_a_state_that_saves_little_more_is_left_where_it_is() -> None:
    _, parking = parked(ONE)
    assert parking.find([*ONE, 9], beyond=90) is None
    assert parking.find([1, 1, 9, 9], beyond=0) is None


def test_a_state_of_which_little_is_used_stays_parked_too() -> None:
    _, parking = parked(ONE)
    prompt = [*ONE[:40], 9, 9]
    found = parking.find(prompt, beyond=0)
    assert found is not None
    parking.put_back(found, 0, prompt)
    assert parking.find([*ONE, 9], beyond=0) is found


def test_the_longer_state_of_a_conversation_replaces_its_shorter_one_and_the_oldest_go_first() -> None:
    _, parking = parked(ONE, [*ONE, 5], TWO, largest=210)
    found = parking.find([*ONE, 5, 9], beyond=0)
    assert found is not None
    assert len(found.tokens) == 101
    _, parking = parked(ONE, TWO, [3] * 100, largest=210)
    assert parking.find([*ONE, 9], beyond=0) is None
    assert parking.find([*TWO, 9], beyond=0) is not None


def test_a_state_that_cannot_be_cut_comes_back_whole_or_not_at_all() -> None:
    _, parking = parked(ONE, partial=False)
    assert parking.find([*ONE[:60], 9], beyond=0) is None
    found = parking.find([*ONE, 9], beyond=0)
    assert found is not None
    assert parking.put_back(found, 0, [*ONE, 9]) == 100


def test_a_state_that_was_copied_at_rest_is_parked_without_reading_it_again() -> None:
    llama, parking = parked()
    llama.sequences[0] = list(ONE)
    parking.copy(0, ONE)
    llama.sequences[0] = [7] * 100  # would be seen if it were read again
    parking.park(0, ONE)
    found = parking.find([*ONE, 9], beyond=0)
    assert found is not None
    assert bytes(found.data) == bytes(ONE)
