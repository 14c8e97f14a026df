"""The sheet of all shortcuts, made from the same table as the palette."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from ui.shell.actions import Action, ActionTable
from ui.shell.overlay import Overlay
from ui.shell.ranking import match
from ui.theme import ThemeSource
from ui.widgets.chip import KeyCaps
from ui.widgets.inputs import SearchField
from ui.widgets.labels import ElidedLabel, Label

WIDTH_PX, TOP_PX, ROW_PX, HEIGHT_PX = 720, 72, 28, 520


def sections(
    actions: Sequence[Action], page: str, titles: Mapping[str, str], query: str
) -> list[tuple[str, list[Action]]]:
    """Actions that have keys, by page, the current page first.

    Args:
        actions: all of the table.
        page: key of the page that is shown.
        titles: titles of the pages by key.
        query: leaves those that match.
    """
    found: dict[str, list[Action]] = {}
    for action in actions:
        if action.shortcut and match(query, action.title) is not None:
            found.setdefault(action.page, []).append(action)
    ordered = sorted(found.items(), key=lambda item: (item[0] != page, item[0] != ""))
    return [(titles.get(key, "Everywhere"), members) for key, members in ordered]


class ShortcutSheet(Overlay):
    """Two columns of shortcuts with a search field.

    Args:
        table: the actions.
        themes: where the theme comes from.
        window: what it floats over.
        where: key and title of the page that is shown; its section comes first.
        titles: titles of the pages by key.
    """

    def __init__(
        self,
        table: ActionTable,
        themes: ThemeSource,
        window: QWidget,
        where: Callable[[], tuple[str, str]],
        titles: Callable[[], Mapping[str, str]],
    ) -> None:
        super().__init__(themes, window, WIDTH_PX, TOP_PX)
        self._table, self._where, self._titles = table, where, titles
        self.setAccessibleName("Keyboard shortcuts")
        self.search = SearchField("Search shortcuts", themes)
        self.search.setMinimumWidth(240)
        self.search.textChanged.connect(self._fill)
        head = QHBoxLayout()
        head.addWidget(Label("Keyboard shortcuts", themes, "pageTitle"))
        head.addStretch(1)
        head.addWidget(self.search)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.viewport().setAutoFillBackground(False)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self.plate)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self._area, 1)

    def open(self) -> None:
        """Cover the window; the search field has the focus."""
        self.search.clear()
        self._fill("")
        super().open()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def plate_height(self) -> int:
        """As high as it needs, up to a limit."""
        inner = self._area.widget()
        return min(HEIGHT_PX, 76 + (inner.sizeHint().height() if inner else 0))

    def _fill(self, query: str) -> None:
        inner = QWidget()
        columns = QHBoxLayout(inner)
        columns.setContentsMargins(0, 0, 8, 0)
        columns.setSpacing(32)
        halves = (QVBoxLayout(), QVBoxLayout())
        filled = [0, 0]
        for title, actions in sections(self._table.fixed(), self._where()[0], self._titles(), query):
            side = 0 if filled[0] <= filled[1] else 1
            filled[side] += len(actions) + 2
            self._add_section(halves[side], title, actions)
        if not any(filled):
            nothing = f"No shortcut matches “{query.strip()}”"
            halves[0].addWidget(Label(nothing, self._themes, tone="text2"))
        for half in halves:
            half.setSpacing(0)
            half.addStretch(1)
            columns.addLayout(half, 1)
        self._area.setWidget(inner)
        inner.setAutoFillBackground(False)
        self.place()

    def _add_section(self, half: QVBoxLayout, title: str, actions: Sequence[Action]) -> None:
        half.addWidget(Label(title, self._themes, "strong"))
        half.addSpacing(4)
        for action in actions:
            line = QWidget()
            line.setFixedHeight(self._theme.scaled(ROW_PX))
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(ElidedLabel(action.title, self._themes), 1)
            row.addWidget(KeyCaps(action.shortcut, self._themes))
            half.addWidget(line)
        half.addSpacing(12)
