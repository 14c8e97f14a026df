"""One section of the settings: its title, what it is about, and its cards in a scrolled column."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSpacerItem, QVBoxLayout, QWidget

from ui.settings.rows import LockLine, RowsCard, SettingRow
from ui.settings.state import SettingsState
from ui.theme import ThemeSource
from ui.widgets import Label, PageHeader

CONTENT_WIDTH = 880
MARGIN = 16
STACKED_BELOW = 600
"""Width of a section in pixels, at the designed text size."""


class Section(QWidget):
    """Title, caption and cards.

    Args:
        key: stable name.
        title: of the section.
        caption: what it is about.
        themes: where the theme comes from.
        needs_backend: it says so when its controls cannot be used without the backend.
    """

    def __init__(
        self,
        key: str,
        title: str,
        caption: str,
        themes: ThemeSource,
        *,
        needs_backend: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.key, self.title = key, title
        self._themes = themes
        self._needs_backend = needs_backend
        self._caption = caption
        self._cards: list[RowsCard] = []
        self.setAccessibleName(title)
        self.lock_line = LockLine(themes)
        self._content = QWidget()
        self._content.setMaximumWidth(CONTENT_WIDTH + 2 * MARGIN)
        self.column = QVBoxLayout(self._content)
        self.column.setContentsMargins(MARGIN, 0, MARGIN, MARGIN)
        self.column.setSpacing(12)
        self.column.addWidget(Label(caption, themes, tone="text2", wrap=True))
        self.column.addWidget(self.lock_line)
        self._lay_out(title, themes)
        themes.changed.connect(lambda _: self._fit_rows())

    def _lay_out(self, title: str, themes: ThemeSource) -> None:
        holder = QWidget()
        line = self._line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self._content, 1)
        line.addStretch(0)
        self._edge = QSpacerItem(0, 0)
        line.addSpacerItem(self._edge)
        line.setAlignment(self._content, Qt.AlignmentFlag.AlignTop)
        self.scroller = QScrollArea()
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setWidgetResizable(True)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setWidget(holder)
        self.scroller.verticalScrollBar().rangeChanged.connect(self._keep_width)
        self._keep_width(0, 0)
        self.scroller.viewport().setAutoFillBackground(False)
        holder.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(PageHeader(title, themes, ruled=False))
        whole.addWidget(self.scroller, 1)

    def add_card(self) -> RowsCard:
        """One more card of rows."""
        card = RowsCard(self._themes)
        self._cards.append(card)
        self.column.addWidget(card)
        return card

    def rows(self) -> list[SettingRow]:
        """All rows, from top to bottom."""
        return [row for card in self._cards for row in card.rows]

    def narrow(self, wanted: str) -> bool:
        """Show only the rows that a search finds, or all when it names the section; whether any is shown."""
        about_all = f"{self.title} {self._caption}".casefold()
        if all(word in about_all for word in wanted.casefold().split()):
            wanted = ""
        found = sum([card.narrow(wanted) for card in self._cards])
        return found > 0 or not wanted

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """In a narrow window controls go under their words."""
        super().resizeEvent(event)
        self._fit_rows()

    def _keep_width(self, _least: int, most: int) -> None:
        """The room of the scroll bar is kept free when there is none, so that cards are equally wide."""
        bar = self.scroller.verticalScrollBar().sizeHint().width()
        self._edge.changeSize(0 if most > 0 else bar, 0)
        self._line.invalidate()

    def _fit_rows(self) -> None:
        stacked = self.width() < self._themes.theme.scaled(STACKED_BELOW)
        for row in self.rows():
            row.stack(stacked)

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        if self._needs_backend:
            self.lock_line.say(state.locked_because)
