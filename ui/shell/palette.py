"""The command palette: type a few letters, press Enter."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from ui.shell.actions import Action, ActionTable
from ui.shell.overlay import Overlay
from ui.shell.palette_rows import PaletteDelegate, PaletteRows
from ui.shell.ranking import SUBSEQUENCE, Match, grouped, ranked
from ui.theme import Theme, ThemeSource
from ui.theme.icons import pixmap
from ui.widgets.labels import Label

QUERY_PX, FOOT_PX, TOP_PX, MOST_ROWS_PX, NOTHING_PX = 50, 36, 96, 420, 44
STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
OPENS_IT = "shell.palette"
"""The action that opened the palette is not offered in it."""
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
FOOT_WORDS = ("Enter to run", "> commands only")


class CommandPalette(Overlay):
    """Every action that can be done now, found by a few letters.

    Args:
        table: the actions.
        themes: where the theme comes from.
        window: what it floats over.
        where: key and title of the page that is shown; its actions come first.
    """

    def __init__(
        self, table: ActionTable, themes: ThemeSource, window: QWidget, where: Callable[[], tuple[str, str]]
    ) -> None:
        super().__init__(themes, window, themes.theme.size("palette"), TOP_PX)
        self._table, self._where = table, where
        self.setAccessibleName("Command palette")
        self._query = QLineEdit(self.plate)
        self._query.setProperty("bare", True)
        self._query.setPlaceholderText("Type a command or a name")
        self._query.setAccessibleName("Search commands")
        self._query.installEventFilter(self)
        self._query.textChanged.connect(self._search)
        self._glass = QLabel(self.plate)
        self._rows = PaletteRows(self)
        self._list = QListView(self.plate)
        self._list.setModel(self._rows)
        self._delegate = PaletteDelegate(themes.theme, self._list)
        self._list.setItemDelegate(self._delegate)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setAccessibleName("Results")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.clicked.connect(self._run_at)
        self._nothing = Label("", themes, tone="text2")
        self._nothing.setContentsMargins(10, 0, 10, 0)
        self._head, self._foot = QWidget(self.plate), QWidget(self.plate)
        self._lay_out()
        self._use(themes.theme)

    def open(self) -> None:
        """Cover the window; the query is empty and has the focus."""
        self._query.clear()
        self._search("")
        super().open()
        self._query.setFocus(Qt.FocusReason.PopupFocusReason)

    def query(self) -> QLineEdit:
        """Where one types."""
        return self._query

    def titles(self) -> list[str]:
        """Titles of the listed actions, best first."""
        rows = (self._rows.action(self._rows.index(row)) for row in range(self._rows.rowCount()))
        return [action.title for action in rows if action is not None]

    def plate_height(self) -> int:
        """Query, rows and foot."""
        rows = sum(self._list.sizeHintForRow(row) for row in range(self._rows.rowCount()))
        rows = min(rows, MOST_ROWS_PX) if rows else NOTHING_PX
        return self._theme.scaled(QUERY_PX) + rows + 14 + self._theme.scaled(FOOT_PX) + 2

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Arrows and Enter in the query are for the rows."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key in STEPS:
                self._list.setCurrentIndex(
                    self._rows.next_action(self._list.currentIndex().row(), STEPS[key])
                )
                return True
            if key in ENTER:
                self._run_at(self._list.currentIndex())
                return True
            if key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
                return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        head, foot, rows = QHBoxLayout(self._head), QHBoxLayout(self._foot), QHBoxLayout()
        head.setContentsMargins(18, 0, 18, 0)
        head.setSpacing(12)
        head.addWidget(self._glass)
        head.addWidget(self._query, 1)
        foot.setContentsMargins(18, 0, 18, 0)
        foot.setSpacing(16)
        for words in FOOT_WORDS:
            foot.addWidget(Label(words, self._themes, "caption", "text3"))
        foot.addStretch(1)
        foot.addWidget(Label("Esc to close", self._themes, "caption", "text3"))
        rows.setContentsMargins(8, 6, 8, 8)
        rows.addWidget(self._list)
        rows.addWidget(self._nothing)
        layout = QVBoxLayout(self.plate)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._head)
        layout.addWidget(rule(self.plate))
        layout.addLayout(rows, 1)
        layout.addWidget(rule(self.plate))
        layout.addWidget(self._foot)

    def _search(self, query: str) -> None:
        self._rows.show_groups(self._found(query))
        some = self._rows.rowCount() > 0
        self._list.setVisible(some)
        self._nothing.setVisible(not some)
        self._nothing.setText(f"No command matches “{query.strip()}”")
        self._list.setCurrentIndex(self._rows.next_action(-1, 1))
        self._list.scrollToTop()
        self.place()

    def _found(self, query: str) -> list[tuple[str, list[tuple[Action, Match]]]]:
        page, _ = self._where()
        text = query.removeprefix(">").strip()
        there = tuple(action for action in self._table.available(page) if action.id != OPENS_IT)
        if query.startswith(">"):
            fixed = {action.id for action in self._table.fixed()}
            there = tuple(action for action in there if action.id in fixed)
        if text:
            return grouped(ranked(text, there, self._table.recency))
        return self._unasked(there, page)

    def _unasked(self, there: tuple[Action, ...], page: str) -> list[tuple[str, list[tuple[Action, Match]]]]:
        """The last used ones, then the page's own, then the rest."""
        all_of_it = Match(SUBSEQUENCE, ())
        recent = self._table.recent(page)
        used = {action.id for action in recent}
        rest = sorted((a for a in there if a.id not in used), key=lambda action: action.page != page)
        groups = [("Last used", [(action, all_of_it) for action in recent])] if recent else []
        others: dict[str, list[tuple[Action, Match]]] = {}
        for action in rest:
            others.setdefault(action.group, []).append((action, all_of_it))
        return [*groups, *((group, members[:12]) for group, members in others.items())]

    def _run_at(self, index: QModelIndex) -> None:
        action = self._rows.action(index)
        if action is not None and self.isVisible():
            self.close_now()
            self._table.run(action)

    def _use(self, theme: Theme) -> None:
        super()._use(theme)
        big = theme.font("message")
        big.setPixelSize(theme.px("pageTitle"))
        self._query.setFont(big)
        self._glass.setPixmap(pixmap("search", "text2", 16, theme))
        self._delegate.theme = theme
        self._head.setFixedHeight(theme.scaled(QUERY_PX))
        self._foot.setFixedHeight(theme.scaled(FOOT_PX))


def rule(parent: QWidget) -> QFrame:
    """A line across."""
    line = QFrame(parent)
    line.setFixedHeight(1)
    line.setAutoFillBackground(True)
    line.setBackgroundRole(line.palette().ColorRole.Mid)
    return line
