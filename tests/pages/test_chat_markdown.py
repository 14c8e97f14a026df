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
from ui.chat.markdown_blocks import Block, Table, read
from ui.chat.transcript_view import TranscriptView
from ui.theme import ThemeSource, load_tokens

LONG = """Use **full jitter**: `base * 2 ** n`.

## Heading

```python
def retry(call):
    # spread
    return call()
```

| Try | Bound |
|---|---:|
| 1 | 0.20 s |

> quoted

- item one
- item [two](https://example.org)
  - nested <b>html</b>

1. first

   more of it
2. second

---

The ![pixel](http://evil.example/p.png) end.
"""
PIECES = st.sampled_from(
    [
        "a ",
        "\n",
        "\n\n",
        "```",
        "- x",
        "1. y",
        "  ",
        "    z",
        "|a|b|\n|-|-|\n|1|2|",
        "# h",
        "> q",
        "\n```\n",
        "**b**",
    ]
)


@pytest.fixture
def themes(qapp: Any) -> ThemeSource:
    return ThemeSource(load_tokens(), "light")


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def view(qtbot: Any, themes: ThemeSource, opened: list[str]) -> TranscriptView:
    made = TranscriptView(themes.theme, opened.append, lambda _: ("Tiny", "09:41"))
    qtbot.addWidget(made)
    made.resize(860, 700)
    return made


def made(text: str, role: Role = Role.ASSISTANT, status: MessageStatus = MessageStatus.COMPLETE) -> Message:
    return Message(
        id=uuid4(),
        conversation_id=uuid4(),
        parent_id=None,
        role=role,
        text=text,
        status=status,
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def text_of(view: TranscriptView, index: int = 0) -> str:
    frame = view.items[index].frame
    cursor = frame.firstCursorPosition()
    cursor.setPosition(frame.lastPosition(), QTextCursor.MoveMode.KeepAnchor)
    return cursor.selectedText()


def streamed(view: TranscriptView, text: str, sizes: list[int]) -> str:
    answer = made("", status=MessageStatus.WRITING)
    view.show_messages([answer], {answer.id})
    at = 0
    for size in sizes:
        view.feed(answer.id, text[at : at + size])
        view.flush()
        at += size
    view.feed(answer.id, text[at:])
    view.show_messages([answer.model_copy(update={"text": text, "status": MessageStatus.COMPLETE})], set())
    return text_of(view)


@pytest.mark.parametrize("size", [1, 3, 17, 90])
def test_streamed_text_ends_as_if_it_had_come_at_once(view: TranscriptView, size: int) -> None:
    in_parts = streamed(view, LONG, [size] * (len(LONG) // size))
    view.show_messages([made(LONG)], set())
    assert in_parts == text_of(view)
    assert "full jitter: the" not in in_parts
    assert "return call()" in in_parts


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(1, 9), max_size=12))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_split_gives_the_same_document(view: TranscriptView, pieces: list[str], sizes: list[int]) -> None:
    text = "".join(pieces)
    in_parts = streamed(view, text, sizes)
    view.show_messages([made(text)], set())
    assert in_parts == text_of(view)


def test_html_and_pictures_are_only_text(view: TranscriptView) -> None:
    view.show_messages([made("<b>bold</b> <script>alert(1)</script> ![x](http://evil.example/p.png)")], set())
    assert "<b>bold</b> <script>alert(1)</script> p.png" in text_of(view)
    assert "￼" not in text_of(view)


def test_only_safe_links_are_links(view: TranscriptView, opened: list[str]) -> None:
    runs = [
        run
        for block in read(
            "[a](https://x.org) [b](file:///etc/passwd) [c](javascript:alert(1)) <mailto:a@b.c>"
        )
        if isinstance(block, Block)
        for run in block.runs
    ]
    assert [run.href for run in runs if run.href] == ["https://x.org", "mailto:a@b.c"]


def test_tables_lists_and_headings_are_read() -> None:
    pieces = read("# H\n\n| a | b |\n|---|---|\n| x | 1 |\n\n- [x] done\n")
    heading, table, item = pieces
    assert isinstance(heading, Block)
    assert heading.heading == 1
    assert isinstance(table, Table)
    assert table.right == (False, True)
    assert isinstance(item, Block)
    assert item.checked is True


def test_front_matter_is_not_swallowed() -> None:
    text = " ".join(piece.text for piece in read("---\ntitle: x\n---\nBody") if isinstance(piece, Block))
    assert "title: x" in text
    assert "Body" in text


def test_a_selection_in_finished_text_survives_streaming(view: TranscriptView) -> None:
    answer = made("", status=MessageStatus.WRITING)
    view.show_messages([answer], {answer.id})
    view.feed(answer.id, "First paragraph.\n\nSecond")
    view.flush()
    view.moveCursor(QTextCursor.MoveOperation.Start)
    assert view.find("First")
    for _ in range(20):
        view.feed(answer.id, " more")
        view.flush()
    assert view.textCursor().selectedText() == "First"
    assert "Second more" in text_of(view)


def test_a_selection_in_the_open_tail_holds_it_back(view: TranscriptView) -> None:
    answer = made("", status=MessageStatus.WRITING)
    view.show_messages([answer], {answer.id})
    view.feed(answer.id, "Only one paragraph")
    view.flush()
    view.moveCursor(QTextCursor.MoveOperation.Start)
    assert view.find("paragraph")
    view.feed(answer.id, " goes on")
    view.flush()
    assert view.textCursor().selectedText() == "paragraph"
    assert "goes on" not in text_of(view)
    view.moveCursor(QTextCursor.MoveOperation.Start)
    assert "goes on" in text_of(view)


def test_another_theme_keeps_the_text(view: TranscriptView, themes: ThemeSource) -> None:
    view.show_messages([made("Question", Role.USER), made(LONG)], set())
    before = view.document().toPlainText()
    themes.choose("dark", 1.3)
    view.set_theme(themes.theme)
    assert view.document().toPlainText() == before


def test_messages_are_changed_with_the_least_work(view: TranscriptView) -> None:
    messages = [made(f"text {n}", Role.USER if n % 2 == 0 else Role.ASSISTANT) for n in range(20)]
    view.show_messages(messages[10:], set())
    assert view.transcript.rendered == 10
    view.show_messages(messages, set())
    while view.above.is_active:
        view.above.step()
    assert view.transcript.rendered == 20
    assert [item.text for item in view.items] == [m.text for m in messages]
    assert view.document().toPlainText().index("text 0") < view.document().toPlainText().index("text 19")
    view.show_messages(messages[:-2], set())
    assert view.transcript.rendered == 20
    assert "text 19" not in view.document().toPlainText()


def test_code_can_be_wrapped_folded_and_copied(view: TranscriptView) -> None:
    code = "\n".join(f"line_{n} = {n}" for n in range(60))
    view.show_messages([made(f"```python\n{code}\n```")], set())
    body = view.items[0].body
    assert body is not None
    (block,) = body.code_blocks
    assert block.text == code
    assert block.folded
    assert sum(line.isVisible() for line in block.blocks()) == 20
    block.set_folded(False)
    assert all(line.isVisible() for line in block.blocks())
    block.set_wrapped(True)
    assert not any(line.blockFormat().nonBreakableLines() for line in block.blocks())
