"""Where the messages of a transcript and their parts are in the viewport."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

if TYPE_CHECKING:
    from PySide6.QtGui import QTextFrame
    from PySide6.QtWidgets import QTextBrowser

    from ui.chat.transcript_items import Item, TranscriptItems


class Places:
    """Measures the document that a view shows."""

    def __init__(self, view: QTextBrowser, transcript: TranscriptItems) -> None:
        self._view = view
        self._transcript = transcript

    @property
    def width(self) -> int:
        """Width of the viewport."""
        return self._view.viewport().width()

    def bar(self, item: Item) -> QRectF:
        """The footer's line of an answer."""
        height = self._transcript.bar_height
        # The bar is the last line of the answer's frame; the room for a card is the frame's margin.
        bottom = self.of_frame(item.frame).bottom()
        return QRectF(0, bottom - height, self.width, height)

    def of_item(self, item: Item) -> QRectF:
        """A whole message."""
        rect = self._view.document().documentLayout().frameBoundingRect(item.frame)
        return rect.translated(0, -self.offset)

    def of_frame(self, frame: QTextFrame) -> QRectF:
        """A frame without its margins."""
        return self.in_document(frame).translated(0, -self.offset)

    def code(self, frame: QTextFrame) -> QRectF:
        """A code block without its margins, cut at the column's edge."""
        rect = self.of_frame(frame)
        rect.setRight(min(rect.right(), self.width))
        return rect

    def in_document(self, frame: QTextFrame) -> QRectF:
        """A frame without its margins, in the document's coordinates."""
        shape = frame.frameFormat()
        rect = self._view.document().documentLayout().frameBoundingRect(frame)
        return rect.adjusted(
            shape.leftMargin(), shape.topMargin(), -shape.rightMargin(), -shape.bottomMargin()
        )

    @property
    def offset(self) -> int:
        """How far the document is scrolled."""
        return self._view.verticalScrollBar().value()

    def in_sight(self) -> list[Item]:
        """The messages of which a part is in sight, the last one first."""
        top, height = self.offset, self._view.viewport().height()
        layout = self._view.document().documentLayout()
        items = self._transcript.items
        # The messages stand one under the other: the first one in sight is found by halving.
        first = bisect_left(items, top, key=lambda item: int(layout.frameBoundingRect(item.frame).bottom()))
        found: list[Item] = []
        for item in items[first:]:
            if layout.frameBoundingRect(item.frame).top() > top + height:
                break
            found.append(item)
        found.reverse()
        return found
