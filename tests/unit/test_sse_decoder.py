"""The decoder of server-sent events: the standard's own examples, and every way to cut a stream."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ui.client.sse import EventDecoder, ServerSentEvent


def decode(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_fields_make_an_event() -> None:
    assert decode(b"id: r:7\nevent: text\ndata: a\ndata: b\n\n") == [ServerSentEvent("text", "a\nb", "r:7")]


def test_comments_and_events_without_data_are_none() -> None:
    assert decode(b": keep-alive\n\nevent: x\n\nretry: 5\n\ndata:y\n\n") == [
        ServerSentEvent("message", "y", "")
    ]


def test_only_one_space_is_dropped_and_the_id_stays() -> None:
    stream = b"id: 1\ndata:  two\n\ndata\n\nid: a\0b\ndata: x\n\n"
    assert decode(stream) == [
        ServerSentEvent("message", " two", "1"),
        ServerSentEvent("message", "", "1"),
        ServerSentEvent("message", "x", "1"),
    ]


def test_an_event_that_is_not_ended_does_not_come() -> None:
    assert decode(b"data: whole\n\ndata: half\n") == [ServerSentEvent("message", "whole", "")]


def test_a_byte_order_mark_is_dropped_once() -> None:
    assert decode(b"\xef", b"\xbb", b"\xbfdata: a\n\n") == [ServerSentEvent("message", "a", "")]


LINES = st.sampled_from(
    [
        "data: ü😀",
        "data:x",
        "data",
        "event: text",
        "id: 4",
        "id",
        ": c",
        "retry: 3",
        "",
        "",
        "other: 1",
        "\ufeffdata: z",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@settings(deadline=None)
@given(st.lists(st.tuples(LINES, ENDS), max_size=30), st.lists(st.integers(0, 400), max_size=20))
def test_any_split_gives_the_same_events(lines: list[tuple[str, str]], cuts: list[int]) -> None:
    stream = "".join(line + end for line, end in lines).encode()
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert decode(*pieces) == decode(stream)
    assert decode(*[stream[at : at + 1] for at in range(len(stream))]) == decode(stream)
