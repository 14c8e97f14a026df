"""Text of an answer is the same however its bytes were split, and holds nothing of a stop string."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.llm.runner.text import TextStream


def flow(data: bytes, cuts: list[int], stops: list[str]) -> tuple[str, bool]:
    stream = TextStream(stops)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    text = "".join(stream.feed(data[start:end]) for start, end in itertools.pairwise(edges))
    return text + stream.finish(), stream.stopped


@given(
    text=st.text(alphabet="abc é🌊", max_size=30),
    cuts=st.lists(st.integers(0, 200), max_size=40),
    stops=st.lists(st.text(alphabet="abc é🌊", min_size=1, max_size=4), max_size=3),
)
def test_any_split_gives_the_same_text(text: str, cuts: list[int], stops: list[str]) -> None:
    data = text.encode()
    assert flow(data, cuts, stops) == flow(data, [], stops) == flow(data, list(range(len(data))), stops)
    result, stopped = flow(data, cuts, stops)
    assert text.startswith(result)
    assert not any(stop in result for stop in stops)
    assert stopped == any(stop in text for stop in stops)
    if not stopped:
        assert result == text


def test_a_partial_stop_string_is_held_back_until_it_is_none() -> None:
    stream = TextStream(["<end>"])
    assert stream.feed(b"so <e") == "so "
    assert stream.feed(b"n") == ""
    assert stream.feed(b"ough") == "<enough"
    assert not stream.stopped


def test_a_character_comes_when_its_last_byte_does() -> None:
    stream = TextStream()
    pieces = [stream.feed(bytes([byte])) for byte in "🌊".encode()]
    assert pieces == ["", "", "", "🌊"]


def test_half_a_character_at_the_end_is_dropped() -> None:
    stream = TextStream()
    assert stream.feed("né".encode()[:-1]) == "n"
    assert stream.finish() == ""


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert TextStream().feed(b"a\xffb") == "a�b"


@pytest.mark.parametrize(("stops", "text"), [(["b", "abc"], "x a"), (["bc", "abc"], "x ")])
def test_the_stop_string_that_is_complete_first_counts(stops: list[str], text: str) -> None:
    stream = TextStream(stops)
    assert stream.feed(b"x abc d") + stream.finish() == text
