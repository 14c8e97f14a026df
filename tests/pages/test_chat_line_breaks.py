"""A line of an answer stays a line, however it came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QTextCursor

from backend_embedded.contract.conversations import Message, MessageStatus
from backend_embedded.contract.generation import Role
from ui.chat.markdown_blocks import Block, read
from ui.chat.transcript_view import TranscriptView
from ui.theme import ThemeSource, load_tokens

LINES = st.sampled_from(
    ["one", "two  ", "three\\", "", "- four", "  five", "> six", "1. seven", "    eight", "\\"]
)


@pytest.fixture
def view(qtbot: Any) -> TranscriptView:
    view = TranscriptView(ThemeSource(load_tokens(), "light").theme, lambda _: None, lambda _: ("Tiny", ""))
    qtbot.addWidget(view)
    view.resize(860, 700)
    return view


def made(text: str, status: MessageStatus = MessageStatus.COMPLETE) -> Message:
    return Message(
        id=uuid4(),
        conversation_id=uuid4(),
        parent_id=None,
        role=Role.ASSISTANT,
        text=text,
        status=status,
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def blocks_of(view: TranscriptView) -> list[str]:
    """The text blocks of the answer without its head and foot."""
    frame = view.items[0].frame
    cursor = frame.firstCursorPosition()
    cursor.setPosition(frame.lastPosition(), QTextCursor.MoveMode.KeepAnchor)
    return cursor.selectedText().split("\u2029")[1:-1]


def streamed(view: TranscriptView, text: str, sizes: list[int]) -> list[str]:
    answer = made("", MessageStatus.WRITING)
    view.show_messages([answer], {answer.id})
    at = 0
    for size in sizes:
        view.feed(answer.id, text[at : at + size])
        view.flush()
        at += size
    view.feed(answer.id, text[at:])
    view.show_messages([answer.model_copy(update={"text": text, "status": MessageStatus.COMPLETE})], set())
    return blocks_of(view)


def lines_of(source: str) -> list[str]:
    return [piece.text.replace("\u2028", "/") for piece in read(source) if isinstance(piece, Block)]


@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        ("1\n2", ["1/2"]),
        ("1  \n2\\\n3\n4", ["1/2/3/4"]),
        ("Roses\nare\n\nred\nand", ["Roses/are", "red/and"]),
        ("- a\n  b\n- c\nlazy\n\nx", ["a/b", "c/lazy", "x"]),
        ("- [x] done\n  more\n- [ ] not", ["done/more", "not"]),
        ("> q1\n> q2", ["q1/q2"]),
        ("**bo\nld** and `co\nde`\nend", ["bo/ld and co de/end"]),
        ("- x\n\n  ```sh\n  ls \\\n  -la\n  ```\n  t\n  u", ["x", "ls \\", "-la", "t/u"]),
        ("- x\n  ```sh\n  ls \\\n  -la\n  ```", ["x", "ls \\", "-la"]),
        ("a\\\n\nb\\", ["a\\", "b\\"]),
        ("- - a\nb", ["", "a/b"]),
    ],
)
def test_the_end_of_a_line_stays(qapp: Any, source: str, blocks: list[str]) -> None:
    assert lines_of(source) == blocks


def test_items_and_tables_keep_their_shape(qapp: Any) -> None:
    pieces = read("- [x] done\n  more\n- [ ] not\n\n| a |\n|---|\n| 1 |\n\nx\ny")
    marks = [piece.checked for piece in pieces if isinstance(piece, Block)]
    assert marks == [True, False, None]
    assert len(pieces) == 4


@pytest.mark.parametrize("size", [1, 2, 3])
def test_lines_are_one_paragraph_in_the_view(view: TranscriptView, size: int) -> None:
    text = "1\n2\n3\n\nNext\nline"
    assert streamed(view, text, [size] * (len(text) // size)) == ["1\u20282\u20283", "Next\u2028line"]
    assert "1\n2\n3\nNext\nline" in view.document().toPlainText()


@given(st.lists(LINES, max_size=8), st.lists(st.integers(1, 9), max_size=12))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_lines_do_not_depend_on_the_split(view: TranscriptView, lines: list[str], sizes: list[int]) -> None:
    text = "\n".join(lines)
    in_parts = streamed(view, text, sizes)
    view.show_messages([made(text)], set())
    assert in_parts == blocks_of(view)
