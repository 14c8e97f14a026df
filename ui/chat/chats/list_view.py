"""Rows of the conversation list as they are painted, and what keys and the mouse do to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from backend_embedded.contract.conversations import Conversation
from ui.chat.conversation_model import ROW, ConversationModel, Index
from ui.widgets.glyphs import paint_busy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent

    from ui.theme import Theme

INSET = 8
ROW_HEIGHT = 32
HEADING_HEIGHT = 32
TURN_S = 0.9
TAGS_SHARE = 0.4
"""Of a row's width that its tags take at most."""


class ConversationDelegate(QStyledItemDelegate):
    """Paints headings and rows."""

    def __init__(self, model: ConversationModel, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """Rows of one height."""
        height = HEADING_HEIGHT if isinstance(index.data(ROW), str) else ROW_HEIGHT
        return QSize(0, self.theme.scaled(height))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        row = index.data(ROW)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(row, Conversation):
            self._paint_row(painter, option, rect, row)
        else:
            painter.setFont(self.theme.font("label"))
            painter.setPen(self.theme.color("text3"))
            area = rect.adjusted(INSET + 8, 0, -INSET, -6)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, str(row))
        painter.restore()

    def _paint_row(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, row: Conversation
    ) -> None:
        state: QStyle.StateFlag = option.state
        plate = rect.adjusted(INSET, 0, -INSET, 0)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("selected" if selected else "hover"))
            painter.drawRoundedRect(plate, 6, 6)
        taken = self._paint_right(painter, plate, row)
        taken += self._paint_tags(painter, plate.adjusted(8, 0, -10 - taken - 8, 0), row)
        painter.setFont(self.theme.font("body"))
        painter.setPen(self.theme.color("text"))
        area = plate.adjusted(8, 0, -10 - taken - 8, 0)
        title = QFontMetrics(painter.font()).elidedText(row.title, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

    def _paint_tags(self, painter: QPainter, area: QRect, row: Conversation) -> int:
        """The tags at the right of an area; gives the width that they take."""
        if not row.tags:
            return 0
        font = self.theme.font("caption")
        metrics = QFontMetrics(font)
        text = tags_within(row.tags, metrics, round(area.width() * TAGS_SHARE))
        painter.setFont(font)
        painter.setPen(self.theme.color("text2"))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        return metrics.horizontalAdvance(text) + 8

    def _paint_right(self, painter: QPainter, plate: QRect, row: Conversation) -> int:
        if self._model.is_writing(row.id):
            box = QRectF(plate.right() - 22, plate.center().y() - 6, 12, 12)
            angle = None if self.theme.reduced_motion else time.monotonic() % TURN_S / TURN_S * 360
            paint_busy(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), self.theme, angle)
            return 12
        text = self._model.time_of(row)
        # figures of equal width would widen the hyphens of a date
        font = self.theme.font("caption", numbers="-" not in text)
        painter.setFont(font)
        painter.setPen(self.theme.color("text3"))
        painter.drawText(
            plate.adjusted(0, 0, -10, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text
        )
        return QFontMetrics(font).horizontalAdvance(text)

    def updateEditorGeometry(  # noqa: N802
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """The title's field fills its row."""
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(INSET, 2, -INSET, -2))


def tags_within(tags: Sequence[str], metrics: QFontMetrics, width_px: int) -> str:
    """`#work #logs`, or `#work +1` when not all of them have room; the first one may be cut."""
    for count in range(len(tags), 0, -1):
        left = f" +{len(tags) - count}" if count < len(tags) else ""
        text = " ".join(f"#{tag}" for tag in tags[:count]) + left
        if metrics.horizontalAdvance(text) <= width_px:
            return text
    left = f" +{len(tags) - 1}" if len(tags) > 1 else ""
    room = max(0, width_px - metrics.horizontalAdvance(left))
    return metrics.elidedText(f"#{tags[0]}", Qt.TextElideMode.ElideRight, room) + left


class ConversationView(QListView):
    """The list itself; Enter opens, F2 renames, Delete deletes."""

    opened = Signal(object)
    delete_wanted = Signal(object)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, model: ConversationModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.painter_of_rows = ConversationDelegate(model, theme, self)
        self.setModel(model)
        self.setItemDelegate(self.painter_of_rows)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setAccessibleName("Chats")
        self.clicked.connect(self._open)
        self.activated.connect(self._open)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Delete removes; arrows open as they go."""
        conversation = self._model.conversation_at(self.currentIndex())
        if event.key() == Qt.Key.Key_Delete and conversation is not None:
            self.delete_wanted.emit(conversation.id)
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """The menu of the row, also by the menu key."""
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        conversation = self._model.conversation_at(index)
        if conversation is not None:
            at = self.visualRect(index).bottomLeft() if by_key else event.pos()
            self.menu_wanted.emit(conversation, self.viewport().mapToGlobal(at))

    def _open(self, index: QModelIndex) -> None:
        conversation = self._model.conversation_at(index)
        if conversation is not None:
            self.opened.emit(conversation.id)
