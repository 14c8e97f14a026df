"""The pane with all conversations, by day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from backend_embedded.contract.conversations import Conversation
from ui.chat.chats import ordering
from ui.chat.chats.list_view import ConversationView
from ui.chat.chats.row_menu import RowMenu
from ui.chat.conversation_model import DISPLAY, ConversationModel
from ui.chat.finding.results import SearchResults
from ui.widgets import Choice, IconButton, Label, Patience, SearchField

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from PySide6.QtGui import QPaintEvent

    from ui.chat.state import ChatState
    from ui.theme import Theme, ThemeSource

SPIN_MS = 66
NO_CHATS = "No chats yet. Your first question starts one."
NO_ARCHIVE = "Nothing is archived."
ALL_TAGS = "All tags"
AWAITED = "Waiting for the backend to tell the chats."


class ConversationList(QWidget):
    """Title, New, and the list; `now` tells what today is."""

    new_wanted = Signal()
    selected = Signal(object)
    renamed = Signal(object, str)
    delete_wanted = Signal(object)
    sought = Signal(str)
    hit_chosen = Signal(object)
    narrowed = Signal(str)
    """List the chats with this tag; empty for all."""

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
        self.tags = Choice("Chats by tag", [("", ALL_TAGS)], themes)
        self.tags.currentIndexChanged.connect(lambda _: self.narrowed.emit(self.tags.currentData()))
        self.tags.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.tags.setMinimumContentsLength(8)
        self.tags.hide()
        self._patience = Patience(themes, self)
        self._patience.long.connect(self._say_awaited)
        self._patience.begin()
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
        fields = QVBoxLayout()
        fields.setContentsMargins(12, 0, 12, 0)
        fields.setSpacing(8)
        fields.addWidget(self.search)
        fields.addWidget(self.tags)
        column.addWidget(head)
        column.addLayout(fields)
        column.addWidget(self._found)
        column.addWidget(self.results, 1)
        column.addWidget(self._empty)
        self._empty.hide()
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
        tag = self._show_tags(state)
        groups = ordering.grouped(state.conversations, now, archived=state.archive_shown, tag=tag)
        self.model.show_groups(groups, state.writing, now)
        if state.loaded:
            self._patience.end()
            self._empty.setText(NO_ARCHIVE if state.archive_shown else NO_CHATS)
            self._empty.setVisible(not groups and not state.found.query)
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

    def _say_awaited(self) -> None:
        self._empty.setText(AWAITED)
        self._empty.show()

    def _show_tags(self, state: ChatState) -> str:
        """Offer the tags in use; gives the chosen one, or nothing when no chat has it any more."""
        used = ordering.tags_of(ordering.of_view(state.conversations, archived=state.archive_shown))
        self.tags.set_options([("", ALL_TAGS), *((tag, f"#{tag}   {count}") for tag, count in used)])
        self.tags.setVisible(bool(used) and not state.found.query.strip())
        tag = state.tag if any(state.tag == one for one, _ in used) else ""
        self.tags.choose(tag)
        return tag

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
