"""What is painted behind and over the text of a transcript: blocks of questions, code and quotes, the caret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QPen

from ui.chat.document_style import CODE_KIND, KIND, QUOTE_KIND, USER_KIND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QPainter, QTextFrame

    from ui.chat.places import Places
    from ui.chat.transcript_items import Item
    from ui.theme import Theme

CARET_WIDTH, CARET_HEIGHT = 7, 15


class FrameBoxes:
    """The rectangles of a document's painted frames, kept until their message changes."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._boxes: dict[int, list[tuple[int, QRectF]]] = {}

    def forget(self) -> None:
        """All of them may have moved."""
        self._boxes.clear()

    def forget_item(self, item: Item) -> None:
        """Those of one message may have moved."""
        self._boxes.pop(id(item), None)

    def within(self, exposed: QRectF) -> Iterator[tuple[int, QRectF]]:
        """Kind and place of the frames that meet a part of the viewport."""
        for item in self._places.in_sight():
            boxes = self._boxes.get(id(item))
            if boxes is None:
                boxes = self._boxes[id(item)] = list(self._boxes_of(item.frame))
            for kind, rect in boxes:
                placed = rect.translated(0, -self._places.offset)
                if placed.intersects(exposed):
                    yield kind, placed

    def _boxes_of(self, frame: QTextFrame) -> Iterator[tuple[int, QRectF]]:
        kind = frame.frameFormat().intProperty(KIND)
        if kind in (USER_KIND, CODE_KIND, QUOTE_KIND):
            rect = self._places.in_document(frame)
            # Code that is not wrapped makes its frame wider than the column.
            rect.setRight(min(rect.right(), self._places.width))
            yield kind, rect
        for child in frame.childFrames():
            yield from self._boxes_of(child)


def paint_box(painter: QPainter, kind: int, rect: QRectF, theme: Theme) -> None:
    """The ground of a question or of code, or the bar beside a quote."""
    match kind:
        case 1:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(theme.color("user")))
            painter.drawRoundedRect(rect, 8, 8)
        case 3:
            painter.setPen(QPen(theme.color("border"), 1))
            painter.setBrush(QBrush(theme.color("sunken")))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        case _:
            painter.fillRect(QRectF(rect.left() - 15, rect.top(), 3, rect.height()), theme.color("border"))


def paint_code_edges(painter: QPainter, rect: QRectF, theme: Theme) -> None:
    """Code that runs out at the right ends at the block's padding."""
    sunken, edge = theme.color("sunken"), theme.color("border")
    top, height = rect.top() + 6, rect.height() - 12
    painter.fillRect(QRectF(rect.right() - 11, top, 10, height), sunken)
    painter.fillRect(QRectF(rect.left() + 1, top, 10, height), sunken)
    painter.fillRect(QRectF(rect.right() - 1, top, 1, height), edge)
    painter.fillRect(QRectF(rect.left(), top, 1, height), edge)


def paint_caret(painter: QPainter, cursor: QRect, width: int, theme: Theme) -> None:
    """The mark behind the last letter of an answer that is being written, in a viewport of that width."""
    top = cursor.center().y() - 7
    left = min(cursor.left() + 2, width - 8)
    painter.fillRect(left, top, CARET_WIDTH, CARET_HEIGHT, theme.color("accent"))
