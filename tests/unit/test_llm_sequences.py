"""Which sequence a prompt gets, how many tokens a step reads, and how lines are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.llm.llama_cpp.revival import LONGEST_BACKOFF_S, backoff_s
from backend_embedded.llm.runner.answer import Answer
from backend_embedded.llm.runner.pace import ALONE_S, BESIDE_ANSWERS_S, Pace
from backend_embedded.llm.runner.protocol import (
    Cancel,
    Count,
    Counted,
    Done,
    Embed,
    Failed,
    Generate,
    Sampling,
    Text,
    Turn,
    Vectors,
    decode_command,
    decode_event,
    encode,
)
from backend_embedded.llm.runner.sampling import Sampler
from backend_embedded.llm.runner.sequences import Slot, choose, common_prefix
from backend_embedded.llm.runner.text import TextStream


def taken(slot: Slot) -> Slot:
    sampler = Sampler.__new__(Sampler)
    slot.answer = Answer(Generate(1), list(slot.kept), 0, sampler, TextStream(), 0.0)
    return slot


@given(st.lists(st.integers(0, 2), max_size=20), st.lists(st.integers(0, 2), max_size=20))
def test_common_prefix_is_the_longest(left: list[int], right: list[int]) -> None:
    length = common_prefix(left, right)
    assert left[:length] == right[:length]
    assert length == min(len(left), len(right)) or left[length] != right[length]


def test_the_sequence_with_the_longest_prefix_is_taken_and_the_last_token_read_again() -> None:
    slots = [Slot(0, [1, 2]), Slot(1, [1, 2, 3, 4]), Slot(2)]
    choice = choose(slots, [1, 2, 3, 4], partial=True)
    assert choice is not None
    assert (choice.slot.id, choice.keep, choice.copy_from) == (1, 3, None)


def test_an_unlike_prompt_takes_an_empty_sequence_then_the_one_unused_longest() -> None:
    slots = [Slot(0, [1] * 10, used_s=2), Slot(1, [2] * 10, used_s=1), Slot(2)]
    choice = choose(slots, [9, 9], partial=True)
    assert choice is not None
    assert choice.slot.id == 2
    choice = choose(slots[:2], [9, 9], partial=True)
    assert choice is not None
    assert (choice.slot.id, choice.keep) == (1, 0)


def test_a_long_prefix_is_copied_from_a_sequence_that_is_taken() -> None:
    prefix = list(range(100))
    slots = [taken(Slot(0, [*prefix, 5])), Slot(1)]
    choice = choose(slots, [*prefix, 7], partial=True)
    assert choice is not None
    assert (choice.slot.id, choice.keep) == (1, 100)
    assert choice.copy_from is slots[0]


def test_a_long_conversation_is_not_lost_to_one_that_only_starts_alike() -> None:
    prefix = list(range(40))
    slots = [Slot(0, [*prefix, *range(1000, 2000)]), Slot(1)]
    choice = choose(slots, [*prefix, 7], partial=True)
    assert choice is not None
    assert (choice.slot.id, choice.keep, choice.copy_from) == (1, 40, slots[0])


def test_a_state_that_cannot_be_cut_is_used_whole_or_not() -> None:
    slots = [Slot(0, [1, 2, 3]), Slot(1, [1, 2], used_s=1)]
    choice = choose(slots, [1, 2, 4], partial=False)
    assert choice is not None
    assert (choice.slot.id, choice.keep) == (1, 2)


def test_no_sequence_is_free() -> None:
    assert choose([taken(Slot(0))], [1], partial=True) is None


def test_the_pace_keeps_a_step_in_its_time() -> None:
    pace = Pace(largest=512, first=64)
    assert pace.chunk(False) == 64
    pace.learn(64, 0.064)
    assert pace.chunk(False) == int(ALONE_S / 0.001)
    assert pace.chunk(True) == int(BESIDE_ANSWERS_S / 0.001)
    pace.learn(100, 1.0)
    assert pace.chunk(False) == int(ALONE_S / 0.01)
    pace.learn(3, 100.0)
    assert pace.chunk(False) == int(ALONE_S / 0.01)
    for _ in range(20):
        pace.learn(pace.chunk(False), 0.0001)
    assert pace.chunk(False) == 512


@pytest.mark.parametrize(
    "command",
    [
        Generate(1, (Turn("user", "hé"),), None, True, Sampling(stop=("a",), json_schema={"type": "object"})),
        Count(2, (), "raw"),
        Embed(3, ("a", "b")),
        Cancel(4),
    ],
)
def test_commands_survive_the_line(command: Generate | Count | Embed | Cancel) -> None:
    line = encode(command)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_command(line) == command


@pytest.mark.parametrize(
    "event",
    [
        Text(1, "a\nb", 3),
        Failed(1, "INVALID_INPUT", "no", None, {"a": 1}),
        Done(1, "stop", 1, 2, 3, 0.5, 1.0, 1.5, 2.0, 10.0, 7),
        Counted(1, 5),
    ],
)
def test_events_survive_the_line(event: Text | Failed | Done | Counted) -> None:
    assert decode_event(encode(event)) == event


def test_lines_that_are_none_are_refused() -> None:
    for line in (b"{}", b"hello", b'{"kind":"?"}'):
        with pytest.raises(ValueError, match=r".+"):
            decode_event(line)
    with pytest.raises(ValueError, match="dance"):
        decode_command(b'{"op":"dance","id":1}')
    assert isinstance(decode_event(encode(Vectors(1, ((1.0,),), 2))), Vectors)


def test_the_pause_before_a_restart_grows_to_its_limit() -> None:
    assert [backoff_s(deaths) for deaths in (0, 1, 2, 3, 4)] == [0, 0, 0.5, 1, 2]
    assert backoff_s(50) == LONGEST_BACKOFF_S
