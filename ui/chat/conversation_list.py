"""The pane with all conversations, by day."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from backend_embedded.contract.conversations import Conversation
from ui.chat.chats import ordering
from ui.chat.chats.row_menu import RowMenu
from ui.chat.conversation_model import DISPLAY, ROW, ConversationModel, Index
from ui.chat.finding.results import SearchResults
from ui.widgets import IconButton, Label, SearchField
from ui.widgets.glyphs import paint_busy

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from PySide6.QtGui import QPaintEvent

    from ui.chat.state import ChatState
    from ui.theme import Theme, ThemeSource

INSET = 8
ROW_HEIGHT = 32
HEADING_HEIGHT = 32
SPIN_MS = 66
TURN_S = 0.9
NO_CHATS = "No chats yet. Your first question starts one."
NO_ARCHIVE = "Nothing is archived."


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
        painter.setFont(self.theme.font("body"))
        painter.setPen(self.theme.color("text"))
        area = plate.adjusted(8, 0, -10 - taken - 8, 0)
        title = QFontMetrics(painter.font()).elidedText(row.title, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

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


class ConversationList(QWidget):
    """Title, New, and the list; `now` tells what today is."""

    new_wanted = Signal()
    selected = Signal(object)
    renamed = Signal(object, str)
    delete_wanted = Signal(object)
    sought = Signal(str)
    hit_chosen = Signal(object)

    def __init__(
        self,
        themes: ThemeSource,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._now = now
        self.model = ConversationModel(self)
        self.view = ConversationView(self.model, themes.theme)
        self._conversations: tuple[Conversation, ...] = ()
        self._archive_shown = False
        self.menu = RowMenu(self)
        self.menu.rename_wanted.connect(self.rename)
        self.menu.delete_wanted.connect(self.delete_wanted)
        self.search = SearchField("Search all chats", themes)
        self.search.textChanged.connect(self.sought)
        self.search.installEventFilter(self)
        self.search.hide()
        self.results = SearchResults(themes, now)
        self.results.hit_chosen.connect(self.hit_chosen)
        self.results.hide()
        self._found = Label("", themes, "caption", "text3")
        self._found.setContentsMargins(16, 4, 16, 4)
        self._found.hide()
        self.search_button = IconButton("search", "Search all chats", themes, shortcut="Ctrl+Shift+F")
        self.search_button.clicked.connect(self.open_search)
        more = IconButton("ellipsis", "More for all chats", themes)
        more.clicked.connect(lambda: self._open_list_menu(more))
        new = IconButton("square-pen", "New chat", themes, shortcut="Ctrl+N")
        new.clicked.connect(self.new_wanted)
        head = QWidget()
        head.setFixedHeight(themes.theme.scaled(48))
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(2)
        self._title = Label("Chats", themes, "pageTitle")
        row.addWidget(self._title, 1)
        row.addWidget(self.search_button)
        row.addWidget(more)
        row.addWidget(new)
        self._empty = Label(NO_CHATS, themes, "caption", "text3", wrap=True)
        self._empty.setContentsMargins(16, 8, 16, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 1, 0)
        column.setSpacing(0)
        field = QHBoxLayout()
        field.setContentsMargins(12, 0, 12, 0)
        field.addWidget(self.search)
        column.addWidget(head)
        column.addLayout(field)
        column.addWidget(self._found)
        column.addWidget(self.results, 1)
        column.addWidget(self._empty)
        column.addWidget(self.view, 1)
        self.view.opened.connect(self.selected)
        self.view.menu_wanted.connect(self._open_row_menu)
        self.view.delete_wanted.connect(self.delete_wanted)
        self.model.renamed.connect(self.renamed)
        self._spin = QTimer(self)
        self._spin.setInterval(SPIN_MS)
        self._spin.timeout.connect(self.view.viewport().update)
        themes.changed.connect(self.set_theme)

    def set_theme(self, theme: Theme) -> None:
        """Draw in this theme."""
        self._theme = self.view.painter_of_rows.theme = theme
        self.view.doItemsLayout()
        self.update()

    def show_state(self, state: ChatState) -> None:
        """Show the conversations and which one is selected."""
        now = self._now()
        self._conversations, self._archive_shown = state.conversations, state.archive_shown
        self._title.setText("Archive" if state.archive_shown else "Chats")
        self._show_found(state)
        groups = ordering.grouped(state.conversations, now, archived=state.archive_shown)
        self.model.show_groups(groups, state.writing, now)
        self._empty.setText(NO_ARCHIVE if state.archive_shown else NO_CHATS)
        self._empty.setVisible(state.loaded and not groups and not state.found.query)
        row = self.model.row_of(state.selected)
        current = self.view.currentIndex()
        if row < 0:
            self.view.clearSelection()
            self.view.setCurrentIndex(QModelIndex())
        elif row != current.row() or not self.view.selectionModel().isSelected(current):
            self.view.setCurrentIndex(self.model.index(row))
        turning = self.model.any_writing and not self._theme.reduced_motion
        if turning != self._spin.isActive():
            self._spin.start() if turning else self._spin.stop()

    def open_search(self) -> None:
        """Show the search field with the keyboard in it."""
        self.search.show()
        self.search.selectAll()
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_search(self) -> None:
        """Show the list again."""
        self.search.clear()
        self.search.hide()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Esc closes the search, Down and Enter go to what was found."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.close_search()
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.results.count():
                self.results.setFocus(Qt.FocusReason.TabFocusReason)
                self.results.setCurrentRow(0)
                return True
        return super().eventFilter(watched, event)

    def _show_found(self, state: ChatState) -> None:
        looking = bool(state.found.query.strip())
        self.results.show_hits(state.found.hits)
        self.results.setVisible(looking)
        self.view.setVisible(not looking)
        self._found.setText(state.found.words)
        self._found.setVisible(looking)

    def _open_row_menu(self, conversation: Conversation, at: QPoint) -> None:
        self.menu.open(self.menu.for_row(conversation, self._conversations), at)

    def _open_list_menu(self, button: QWidget) -> None:
        at = button.mapToGlobal(button.rect().bottomLeft())
        self.menu.open(self.menu.for_list(archive_shown=self._archive_shown), at)

    def rename(self, conversation_id: UUID) -> None:
        """Open the title's field."""
        row = self.model.row_of(conversation_id)
        if row >= 0:
            self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.view.setCurrentIndex(self.model.index(row))
            self.view.edit(self.model.index(row))

    def titles(self) -> list[str]:
        """All rows from top to bottom."""
        return [str(self.model.index(row).data(DISPLAY)) for row in range(self.model.rowCount())]

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and right edge of the pane."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), self._theme.color("border"))
        painter.end()

    def hideEvent(self, event: QEvent) -> None:  # noqa: N802
        """Nothing turns unseen."""
        self._spin.stop()
        super().hideEvent(event)  # type: ignore[arg-type]
