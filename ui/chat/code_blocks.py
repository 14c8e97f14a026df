"""A fenced code block in a text document: its lines, colours, wrapping and side scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QBrush, QTextCharFormat, QTextCursor, QTextLayout
from shiboken6 import isValid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QTextBlock, QTextFrame

    from ui.chat.document_style import DocumentStyle
    from ui.chat.highlight import Highlighter

HEAD_GAP = 8
"""Between the head line (language, Wrap, Copy) and the code, in pixels."""
FOLDS_OVER = 30
SHOWN_FOLDED = 20
FOLD_ROOM = 28
"""Room under folded code for the button that shows the rest, in pixels."""


class CodeBlock:
    """Belongs to one frame of kind code; text is only ever appended."""

    def __init__(self, frame: QTextFrame, language: str, style: DocumentStyle) -> None:
        self.frame = frame
        self.language = language
        self.closed = False
        self.wrapped = False
        self.folded = False
        self.unfolded_by_user = False
        self.shift = 0
        self._style = style
        self._parts: list[str] = []
        self._colored = 0
        shape = style.block(20)
        shape.setNonBreakableLines(True)
        first = frame.firstCursorPosition()
        first.setBlockFormat(style.block(16, below=HEAD_GAP))
        caption = style.text("caption", "text3")
        first.setBlockCharFormat(caption)
        first.insertText(language, caption)
        first.insertBlock(shape, style.text("code"))
        self._shape = shape

    @property
    def text(self) -> str:
        """The code as it came."""
        return "".join(self._parts)

    @property
    def line_count(self) -> int:
        """Lines of code so far."""
        return self.text.count("\n") + 1

    def append(self, text: str) -> None:
        """Add code at the end."""
        self._parts.append(text)
        cursor = self.frame.lastCursorPosition()
        look = self._style.text("code")
        for number, line in enumerate(text.split("\n")):
            if number:
                cursor.insertBlock(self._shape, look)
            cursor.insertText(line, look)

    def close(self) -> None:
        """No more code comes."""
        self.closed = True

    def blocks(self) -> Iterator[QTextBlock]:
        """The text blocks, one for each line."""
        block = self._first_line()
        end = self.frame.lastPosition()
        while block.isValid() and block.position() <= end:
            yield block
            block = block.next()

    def color_steps(self, highlighter: Highlighter, lines_per_step: int) -> Iterator[None]:
        """Colour the whole block, pausing after every few lines."""
        if not self.is_alive():
            return
        block = self._first_line()
        for number, spans in enumerate(highlighter.lines(self.text, self.language), 1):
            self._paint(block, spans)
            if number % lines_per_step == 0:
                yield
                if not self.is_alive():
                    return
                # Text above may have grown or gone in the meantime.
                block = self._line(number - 1)
            block = block.next()

    def is_alive(self) -> bool:
        """The document still holds the block."""
        return isValid(self.frame)

    def _line(self, index: int) -> QTextBlock:
        return self.frame.document().findBlockByNumber(self._first_line().blockNumber() + index)

    def color_new_lines(self, highlighter: Highlighter) -> None:
        """Colour the finished lines that came since the last call, each for itself."""
        lines = self.text.split("\n")
        done = len(lines) - 1
        if done <= self._colored:
            return
        document = self.frame.document()
        block = document.findBlock(self.frame.lastPosition())
        for line in reversed(lines[self._colored : done]):
            block = block.previous()
            for spans in highlighter.lines(line, self.language):
                self._paint(block, spans)
        self._colored = done

    def set_wrapped(self, wrapped: bool) -> None:
        """Break long lines, or let them run out to the right."""
        self.wrapped = wrapped
        self.shift = 0
        self._reshape()

    def set_shift(self, shift: int) -> None:
        """Move the code this many pixels to the left."""
        if shift != self.shift:
            self.shift = shift
            self._reshape()

    def set_folded(self, folded: bool) -> None:
        """Show only the first lines, or all."""
        self.folded = folded
        for number, block in enumerate(self.blocks()):
            block.setVisible(not folded or number < SHOWN_FOLDED)
        shape = self.frame.frameFormat()
        shape.setBottomMargin(16)
        shape.setPadding(12)
        start, end = self.frame.firstPosition(), self.frame.lastPosition()
        self.frame.document().markContentsDirty(start, end - start + 1)

    def widest_line_px(self) -> float:
        """Width of the longest line as it is laid out."""
        widths = [block.layout().maximumWidth() for block in self.blocks()]
        return max(widths, default=0.0)

    def _first_line(self) -> QTextBlock:
        return self.frame.firstCursorPosition().block().next()

    def _reshape(self) -> None:
        cursor = QTextCursor(self.frame.document())
        cursor.beginEditBlock()
        for block in self.blocks():
            cursor.setPosition(block.position())
            shape = block.blockFormat()
            shape.setNonBreakableLines(not self.wrapped)
            shape.setLeftMargin(-self.shift)
            cursor.setBlockFormat(shape)
        cursor.endEditBlock()

    def _paint(self, block: QTextBlock, spans: list[tuple[int, int, str]]) -> None:
        if not block.isValid():
            return
        ranges = []
        for start, length, color in spans:
            look = QTextCharFormat()
            look.setForeground(QBrush(self._style.theme.color(color)))
            if color == "synComment":
                look.setFontItalic(True)
            span = QTextLayout.FormatRange()
            # The stub declares these as plain integers and a format, as the fields are.
            span.start, span.length, span.format = start, length, look
            ranges.append(span)
        block.layout().setFormats(ranges)
        block.document().markContentsDirty(block.position(), block.length())
