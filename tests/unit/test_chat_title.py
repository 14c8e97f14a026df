from __future__ import annotations

import pytest

from backend_embedded.chat.title import LONGEST, title_from


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello", "Hello"),
        ("\n\n  First \t line \nsecond", "First line"),
        ("   ", "New chat"),
        ("---\n## Backoff with jitter", "Backoff with jitter"),
        ("word " * 30, "word word word word word word word word word word word…"),
        ("x" * 100, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_a_title_is_the_first_line_shortened(content: str, title: str) -> None:
    assert title_from(content) == title
    assert len(title) <= LONGEST
