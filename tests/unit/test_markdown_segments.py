from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ui.chat.segments import FenceClosed, FenceOpened, FenceText, Prose, Segment, Segmenter

PIECES = st.one_of(
    st.sampled_from(
        ["a ", "\n", "\n\n", "```", "`", "~~~", "py", "- x", "1. y", "  ", "    z", "# h", "---"]
    ),
    st.sampled_from(["|a|b|\n|-|-|\n", "word " * 300, "x" * 1500, "> q", "\n```\n", "```py\n", "é😀", "<b>"]),
)


def segments(parts: list[str]) -> list[Segment]:
    segmenter = Segmenter()
    found = [segment for part in parts for segment in segmenter.feed(part)]
    found += segmenter.finish()
    joined: list[Segment] = []
    for segment in found:
        if isinstance(segment, FenceText) and joined and isinstance(joined[-1], FenceText):
            joined[-1] = FenceText(joined[-1].text + segment.text)
        else:
            joined.append(segment)
    return joined


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@given(st.lists(PIECES, max_size=14), st.lists(st.integers(0, 9000), max_size=8))
@settings(max_examples=400, deadline=None)
def test_the_cuts_between_deltas_do_not_matter(pieces: list[str], places: list[int]) -> None:
    text = "".join(pieces)
    assert segments(cut(text, places)) == segments([text])


def test_a_fence_is_told_from_prose() -> None:
    found = segments(["Before\n```python\nx = 1\n\ny = 2\n```\nAfter"])
    assert found == [
        Prose("Before\n"),
        FenceOpened("python"),
        FenceText("x = 1\n\ny = 2"),
        FenceClosed(),
        Prose("After\n"),
    ]


def test_a_fence_that_is_never_closed_keeps_its_code() -> None:
    assert segments(["~~~\ncode"]) == [FenceOpened(""), FenceText("code"), FenceClosed()]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    found = segments(["````md\n```\nx\n```\n````\n"])
    assert found == [FenceOpened("md"), FenceText("```\nx\n```"), FenceClosed()]


def test_an_indented_paragraph_stays_in_its_list() -> None:
    assert len(segments(["1. one\n\n   more of one\n2. two\n\nAfter"])) == 2


def test_a_paragraph_without_end_is_committed_in_parts() -> None:
    segmenter = Segmenter()
    for _ in range(200):
        segmenter.feed("word " * 40)
    assert len(segmenter.tail) <= 4096 + 200


def test_code_is_shown_before_its_line_ends() -> None:
    segmenter = Segmenter()
    segmenter.feed("```py\n")
    assert segmenter.feed("pri") == [FenceText("pri")]
    assert segmenter.feed("nt()\n``") == [FenceText("nt()")]
    assert segmenter.tail == ""
