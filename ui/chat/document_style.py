"""Text and block formats of a transcript for one theme and text size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import (
    QBrush,
    QTextBlockFormat,
    QTextCharFormat,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextListFormat,
    QTextTableCellFormat,
    QTextTableFormat,
)

if TYPE_CHECKING:
    from ui.chat.markdown_blocks import ListPlace, Run
    from ui.theme import Theme

KIND = QTextFormat.Property.UserProperty.value
"""Property of a frame's format that says what it is."""
USER_KIND, ANSWER_KIND, CODE_KIND, QUOTE_KIND = 1, 2, 3, 4
FIXED = QTextBlockFormat.LineHeightTypes.FixedHeight.value
BAR_HEIGHT = 32
PARAGRAPH_GAP = 12
LIST_GAP = 4
DESIGN_PX = 14
"""Size of message text that the line heights of the design belong to."""


@dataclass(frozen=True)
class DocumentStyle:
    """Makes the formats; `theme` gives colours and fonts."""

    theme: Theme

    def scaled(self, px: float) -> float:
        """A line height or gap at the user's text size."""
        return round(px * self.theme.px("message") / DESIGN_PX)

    def block(self, line: float, *, above: float = 0, below: float = 0, indent: int = 0) -> QTextBlockFormat:
        """A block of fixed line height, in pixels of the design."""
        shape = QTextBlockFormat()
        shape.setLineHeight(self.scaled(line), FIXED)
        shape.setTopMargin(above)
        shape.setBottomMargin(below)
        shape.setIndent(indent)
        return shape

    def spacer(self) -> QTextBlockFormat:
        """The empty block that Qt wants between two frames, made invisible."""
        shape = QTextBlockFormat()
        shape.setLineHeight(1, FIXED)
        return shape

    def paragraph(self, indent: int = 0) -> QTextBlockFormat:
        """A paragraph of an answer."""
        return self.block(22, below=PARAGRAPH_GAP, indent=indent)

    def item(self, indent: int = 0) -> QTextBlockFormat:
        """A list item."""
        return self.block(22, below=LIST_GAP, indent=indent)

    def heading(self, level: int) -> QTextBlockFormat:
        """A heading; the accessible level is kept."""
        shape = self.block(22, above=6, below=6)
        shape.setHeadingLevel(level)
        return shape

    def bar(self) -> QTextBlockFormat:
        """The empty line over which the footer's widgets stand."""
        shape = QTextBlockFormat()
        shape.setLineHeight(self.scaled(BAR_HEIGHT), FIXED)
        return shape

    def text(self, style: str = "message", color: str = "text") -> QTextCharFormat:
        """Characters of one text style and colour."""
        look = QTextCharFormat()
        look.setFont(self.theme.font(style))
        look.setForeground(QBrush(self.theme.color(color)))
        return look

    def run(self, run: Run, base: QTextCharFormat) -> QTextCharFormat:
        """The look of one run of text in a block whose text looks like `base`."""
        if not (run.bold or run.italic or run.strike or run.code or run.href):
            return base
        look = QTextCharFormat(base)
        if run.code:
            look.setFont(self.theme.font("code"))
            look.setBackground(QBrush(self.theme.color("user")))
        if run.bold:
            look.setFontWeight(600)
        if run.italic:
            look.setFontItalic(True)
        if run.strike:
            look.setFontStrikeOut(True)
        if run.href:
            look.setAnchor(True)
            look.setAnchorHref(run.href)
            look.setForeground(QBrush(self.theme.color("accent")))
            look.setToolTip(run.href)
        return look

    def frame(self, kind: int, above: float = 0) -> QTextFrameFormat:
        """A user message, an answer, a code block or a quote, so far below the block before it."""
        shape = QTextFrameFormat()
        shape.setProperty(KIND, kind)
        shape.setBorder(0)
        match kind:
            case 1:
                shape.setPadding(12)
                shape.setTopMargin(24)
                shape.setBottomMargin(24)
            case 3:
                shape.setPadding(12)
                shape.setTopMargin(max(4, above))
                shape.setBottomMargin(16)
            case 4:
                shape.setPadding(0)
                shape.setLeftMargin(15)
                shape.setTopMargin(above)
                shape.setBottomMargin(PARAGRAPH_GAP)
        return shape

    def list(self, place: ListPlace) -> QTextListFormat:
        """A list's format."""
        shape = QTextListFormat()
        bullets = QTextListFormat.Style
        shape.setStyle(bullets.ListDecimal if place.ordered else bullets.ListDisc)
        shape.setIndent(place.depth)
        shape.setStart(place.start)
        return shape

    def table(self, columns: int, above: float = 0) -> QTextTableFormat:
        """A table as wide as the column, without a box, so far below the block before it."""
        shape = QTextTableFormat()
        shape.setBorder(0)
        shape.setCellSpacing(0)
        shape.setCellPadding(0)
        shape.setBorderCollapse(True)
        shape.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        shape.setColumnWidthConstraints(
            [QTextLength(QTextLength.Type.PercentageLength, 100 / columns)] * columns
        )
        shape.setTopMargin(above)
        shape.setBottomMargin(16)
        return shape

    def cell(self, *, head: bool, first: bool, last: bool) -> QTextTableCellFormat:
        """A cell with its rule below."""
        shape = QTextTableCellFormat()
        shape.setTopPadding(4)
        shape.setBottomPadding(4)
        shape.setLeftPadding(0 if first else 8)
        shape.setRightPadding(6 if last else 8)
        shape.setBottomBorder(1)
        shape.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        shape.setBottomBorderBrush(QBrush(self.theme.color("control" if head else "border")))
        return shape
