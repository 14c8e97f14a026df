"""The Markdown body of one answer in a document: finished parts are written once, the tail again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QTextCursor

from ui.chat.block_writer import BlockWriter
from ui.chat.segments import FenceClosed, FenceOpened, FenceText, Prose, Segmenter

if TYPE_CHECKING:
    from PySide6.QtGui import QTextBlockFormat, QTextFrame

    from ui.chat.code_blocks import CodeBlock
    from ui.chat.document_style import DocumentStyle
    from ui.chat.highlight import Highlighter
    from ui.chat.segments import Segment


class AnswerBody:
    """Writes into `frame` behind `cursor`; the last block of the frame is the bar under the answer."""

    def __init__(
        self, frame: QTextFrame, cursor: QTextCursor, style: DocumentStyle, highlighter: Highlighter
    ) -> None:
        self._frame = frame
        self._style = style
        self._highlighter = highlighter
        self._segmenter = Segmenter()
        self._pending: list[str] = []
        self._committed: list[CodeBlock] = []
        self._in_tail: list[CodeBlock] = []
        self._open: CodeBlock | None = None
        self._tail_start = cursor.position()
        self._tail_fresh = False
        self._tail_shape: QTextBlockFormat = cursor.blockFormat()
        self.room_below = 0.0
        """Pixels kept free under the bar."""
        self._finished = False
        self.text = ""
        """All that was fed."""
        self.newly_closed: list[CodeBlock] = []
        """Code blocks that ended and wait for their colours."""

    @property
    def tail_start(self) -> int:
        """Position in the document from which the next flush writes anew."""
        return self._open.frame.lastPosition() if self._open is not None else self._tail_start

    @property
    def code_blocks(self) -> list[CodeBlock]:
        """All code blocks, from top to bottom."""
        return self._committed + self._in_tail

    @property
    def pending(self) -> bool:
        """Text waits for a flush."""
        return bool(self._pending)

    def feed(self, text: str) -> None:
        """Take some more text; nothing is written before the next flush."""
        self._pending.append(text)
        self.text += text

    def feed_marked(self, text: str, source: str) -> None:
        """Take some text whose Markdown has marks that do not belong to it."""
        self._pending.append(source)
        self.text += text

    def flush(self) -> None:
        """Write what waits."""
        if not self._pending:
            return
        text = "".join(self._pending)
        self._pending.clear()
        self._write(self._segmenter.feed(text))

    def finish(self) -> None:
        """Write the rest as final."""
        if self._finished:
            return
        text = "".join(self._pending)
        self._pending.clear()
        segments = self._segmenter.feed(text) + self._segmenter.finish()
        self._finished = True
        self._write(segments)

    def set_room_below(self, room: float) -> None:
        """Keep this many pixels free under the bar."""
        if room != self.room_below:
            self.room_below = room
            shape = self._frame.frameFormat()
            shape.setBottomMargin(room)
            self._frame.setFrameFormat(shape)

    def bar_cursor(self) -> QTextCursor:
        """A cursor in the bar's block."""
        return self._frame.lastCursorPosition()

    def end_cursor(self) -> QTextCursor:
        """A cursor behind the last character of the body."""
        if self._open is not None:
            return self._open.frame.lastCursorPosition()
        cursor = self.bar_cursor()
        cursor.movePosition(QTextCursor.MoveOperation.PreviousCharacter)
        return cursor

    def open_bar(self) -> None:
        """Put the bar under an answer that has no text yet."""
        self._write([])

    def _write(self, segments: list[Segment]) -> None:
        edit = QTextCursor(self._frame.document())
        edit.beginEditBlock()
        try:
            if self._only_code(segments):
                self._append_code(segments)
            else:
                self._rewrite(edit, segments)
        finally:
            edit.endEditBlock()

    def _only_code(self, segments: list[Segment]) -> bool:
        return (
            self._open is not None
            and self._segmenter.in_fence
            and all(isinstance(segment, FenceText) for segment in segments)
        )

    def _append_code(self, segments: list[Segment]) -> None:
        assert self._open is not None
        for segment in segments:
            if isinstance(segment, FenceText):
                self._open.append(segment.text)
        self._open.color_new_lines(self._highlighter)

    def _rewrite(self, cursor: QTextCursor, segments: list[Segment]) -> None:
        # Code that ends here moves every later position, so it is appended before the tail is cut off.
        while segments and self._open is not None:
            self._write_code_segment(segments.pop(0))
        self._remove_tail(cursor)
        writer = BlockWriter(cursor, self._style, fresh=self._tail_fresh)
        for segment in segments:
            self._write_segment(writer, segment)
        self._take(writer, self._committed)
        self._note_tail(writer)
        writer.write_markdown(self._segmenter.tail)
        self._in_tail = []
        self._take(writer, self._in_tail, colored=self._finished)
        writer.begin_block(self._style.bar(), self._style.text("caption", "text3"))

    def _write_code_segment(self, segment: Segment) -> None:
        assert self._open is not None
        if isinstance(segment, FenceText):
            self._open.append(segment.text)
        elif isinstance(segment, FenceClosed):
            self._close_code()
            self._tail_start = self._committed[-1].frame.lastPosition() + 1

    def _write_segment(self, writer: BlockWriter, segment: Segment) -> None:
        match segment:
            case Prose():
                writer.write_markdown(segment.source)
            case FenceOpened():
                self._open = writer.begin_code(segment.language)
            case FenceText() if self._open is not None:
                self._open.append(segment.text)
            case FenceClosed() if self._open is not None:
                self._take(writer, self._committed)
                self._close_code()
        if self._open is not None:
            writer.cursor.setPosition(self._open.frame.lastPosition() + 1)

    def _close_code(self) -> None:
        assert self._open is not None
        code, self._open = self._open, None
        code.close()
        self.newly_closed.append(code)

    def _take(self, writer: BlockWriter, into: list[CodeBlock], *, colored: bool = True) -> None:
        for code in writer.code_blocks:
            into.append(code)
            if colored and code.closed:
                self.newly_closed.append(code)
        writer.code_blocks.clear()

    def _remove_tail(self, cursor: QTextCursor) -> None:
        cursor.setPosition(self._tail_start)
        cursor.setPosition(self._frame.lastPosition(), QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        cursor.setBlockFormat(self._tail_shape)

    def _note_tail(self, writer: BlockWriter) -> None:
        self._tail_start = writer.cursor.position()
        self._tail_fresh = writer.fresh
        self._tail_shape = writer.cursor.blockFormat()
