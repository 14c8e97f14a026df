"""Writes blocks of an answer into a text document at a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextBlockFormat, QTextCursor, QTextFormat, QTextLength

from ui.chat.branches.seams import SEAM
from ui.chat.code_blocks import CodeBlock
from ui.chat.document_style import CODE_KIND, PARAGRAPH_GAP, QUOTE_KIND
from ui.chat.markdown_blocks import Block, Table, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QTextCharFormat, QTextFrame, QTextList

    from ui.chat.document_style import DocumentStyle
    from ui.chat.markdown_blocks import Run

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute
RULER = QTextFormat.Property.BlockTrailingHorizontalRulerWidth.value


class BlockWriter:
    """Writes at `cursor`, always at the end of what is there.

    `fresh` says that the cursor's block is empty and is taken for the next block instead of a new one.
    """

    def __init__(self, cursor: QTextCursor, style: DocumentStyle, *, fresh: bool) -> None:
        self.cursor = cursor
        self.fresh = fresh
        self.code_blocks: list[CodeBlock] = []
        self._style = style
        self._lists: dict[int, QTextList] = {}

    def write_markdown(self, source: str) -> None:
        """Write Markdown that has no top-level fence; a marked seam is a rule with its words."""
        for place, piece in enumerate(SEAM.split(source)):
            if place % 2:
                self._seam(piece)
            elif piece.strip() or not place:
                self._write_plain(piece)

    def _seam(self, words: str) -> None:
        self._lists.clear()
        self._block(Block((), rule=True))
        quiet = self._style.text("caption", "text2")
        self.begin_block(self._style.block(18, below=PARAGRAPH_GAP), quiet)
        self.cursor.insertText(words, quiet)

    def _write_plain(self, source: str) -> None:
        self._lists.clear()
        pieces = read(source)
        place = 0
        while place < len(pieces):
            piece = pieces[place]
            if place and _in_list(pieces[place - 1]) and not _in_list(piece):
                self._end_list()
            if isinstance(piece, Table):
                self._table(piece)
                place += 1
            elif piece.code:
                end = _stretch(pieces, place, lambda block: block.code)
                lines = [block.text for block in pieces[place:end] if isinstance(block, Block)]
                self.begin_code(piece.language).append("\n".join(lines))
                self.code_blocks[-1].close()
                place = end
            elif piece.quote:
                end = _stretch(pieces, place, lambda block: block.quote > 0)
                self._quote([block for block in pieces[place:end] if isinstance(block, Block)])
                place = end
            else:
                self._block(piece)
                place += 1
        if pieces and _in_list(pieces[-1]):
            self._end_list()

    def begin_block(self, shape: QTextBlockFormat, look: QTextCharFormat) -> None:
        """Start a block; text follows at the cursor."""
        if self.fresh:
            self.cursor.setBlockFormat(shape)
            self.cursor.setBlockCharFormat(look)
            self.cursor.setCharFormat(look)
            self.fresh = False
        else:
            self.cursor.insertBlock(shape, look)

    def begin_code(self, language: str) -> CodeBlock:
        """Start a code block and go on behind it."""
        frame = self._begin_frame(CODE_KIND)
        code = CodeBlock(frame, language, self._style)
        self.code_blocks.append(code)
        self._leave(frame)
        return code

    def _block(self, block: Block) -> None:
        if block.rule:
            shape = self._style.block(8, above=4, below=12)
            length = QTextLength(QTextLength.Type.PercentageLength, 100)
            shape.setProperty(RULER, length)
            shape.setBackground(self._style.theme.color("border"))
            self.begin_block(shape, self._style.text())
            return
        if block.heading:
            self.begin_block(self._style.heading(block.heading), look := self._style.text("messageHeading"))
        elif block.item is not None:
            self.begin_block(self._style.item(), look := self._style.text())
            self._put_in_list(block)
        else:
            self.begin_block(self._style.paragraph(block.indent), look := self._style.text())
        self._runs(block.runs, look)

    def _put_in_list(self, block: Block) -> None:
        assert block.item is not None
        if block.checked is not None:
            shape = self.cursor.blockFormat()
            marks = QTextBlockFormat.MarkerType
            shape.setMarker(marks.Checked if block.checked else marks.Unchecked)
            self.cursor.setBlockFormat(shape)
        known = self._lists.get(block.item.key)
        if known is None:
            self._lists[block.item.key] = self.cursor.createList(self._style.list(block.item))
        else:
            known.add(self.cursor.block())

    def _end_list(self) -> None:
        """What follows a list stands as far from it as from a paragraph."""
        last = self.cursor.blockFormat()
        last.setBottomMargin(PARAGRAPH_GAP)
        self.cursor.setBlockFormat(last)

    def _runs(self, runs: Sequence[Run], look: QTextCharFormat) -> None:
        for run in runs:
            self.cursor.insertText(run.text, self._style.run(run, look))

    def _quote(self, blocks: list[Block]) -> None:
        frame = self._begin_frame(QUOTE_KIND)
        for block in blocks:
            self._block(block)
        last = self.cursor.blockFormat()
        last.setBottomMargin(0)
        self.cursor.setBlockFormat(last)
        self._leave(frame)

    def _table(self, table: Table) -> None:
        above = self._gap_above_frame()
        columns = len(table.right)
        made = self.cursor.insertTable(len(table.rows), columns, self._style.table(columns, above))
        for row, cells in enumerate(table.rows):
            look = self._style.text("message" if row else "strong", "text" if row else "text2")
            for column, runs in enumerate(cells):
                cell = made.cellAt(row, column)
                last = column == columns - 1
                cell.setFormat(self._style.cell(head=row == 0, first=column == 0, last=last))
                at = cell.firstCursorPosition()
                shape = self._style.block(22)
                if table.right[column]:
                    shape.setAlignment(RIGHT)
                at.setBlockFormat(shape)
                for run in runs:
                    at.insertText(run.text, self._style.run(run, look))
        self.cursor.setPosition(made.lastPosition() + 1)
        self.fresh = True

    def _begin_frame(self, kind: int) -> QTextFrame:
        frame = self.cursor.insertFrame(self._style.frame(kind, self._gap_above_frame()))
        self.fresh = True
        return frame

    def _gap_above_frame(self) -> float:
        """Qt leaves out a block's bottom margin before a frame or a table, so that one keeps it as its own."""
        if self.fresh:
            self.cursor.setBlockFormat(self._style.spacer())
            return 0
        return self.cursor.blockFormat().bottomMargin()

    def _leave(self, frame: QTextFrame) -> None:
        self.cursor.setPosition(frame.lastPosition() + 1)
        self.fresh = True


def _in_list(piece: Block | Table) -> bool:
    """A list item, or more text of one."""
    if isinstance(piece, Table) or piece.code or piece.quote or piece.rule or piece.heading:
        return False
    return piece.item is not None or piece.indent > 0


def _stretch(pieces: Sequence[Block | Table], start: int, belongs: Callable[[Block], object]) -> int:
    end = start
    while end < len(pieces):
        piece = pieces[end]
        if not isinstance(piece, Block) or not belongs(piece):
            break
        end += 1
    return end
