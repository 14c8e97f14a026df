"""The settings' navigation: a search field over the sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets import PageHeader, SearchField
from ui.widgets.focus import came_by_keyboard, paint_ring

NAVIGATION_WIDTH = 208


class NavigationItem(QAbstractButton):
    """A section's name; the current one is filled and has the accent bar."""

    def __init__(self, words: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._ring = False
        self.setText(words)
        self.setAccessibleName(words)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        themes.changed.connect(self._use)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A standard row."""
        return QSize(120, self._theme.scaled(32))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Fill, bar and words."""
        theme, current = self._theme, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        fill = "selected" if current else "pressed" if self.isDown() else "hover" if self.underMouse() else ""
        if fill:
            painter.setBrush(theme.color(fill))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        if current:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(0, 7, 3, self.height() - 14), 1.5, 1.5)
        painter.setFont(theme.font("control", weight=600 if current else None))
        painter.setPen(theme.color("text" if current else "text2"))
        words = self.rect().adjusted(8, 0, -8, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        painter.end()
        if self._ring:
            paint_ring(self, theme)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.updateGeometry()
        self.update()


class Navigation(QWidget):
    """Emits `chosen(key)` when the user takes a section, `searched(text)` when the search changes.

    Args:
        sections: key and title of each.
        themes: where the theme comes from.
    """

    chosen = Signal(str)
    searched = Signal(str)

    def __init__(
        self, sections: Sequence[tuple[str, str]], themes: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self.search = SearchField("Search settings", themes)
        self.search.textChanged.connect(self.searched)
        self.items: dict[str, NavigationItem] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        head = PageHeader("Settings", themes, ruled=False)
        column.addWidget(head)
        field = QVBoxLayout()
        field.setContentsMargins(16, 0, 17, 12)
        field.addWidget(self.search)
        column.addLayout(field)
        rows = QVBoxLayout()
        rows.setContentsMargins(8, 0, 9, 0)
        rows.setSpacing(2)
        for key, title in sections:
            item = NavigationItem(title, themes, self)
            item.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self.items[key] = item
            rows.addWidget(item)
        column.addLayout(rows)
        column.addStretch(1)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def choose(self, key: str) -> None:
        """Mark a section in silence."""
        self.items[key].setChecked(True)

    def offer(self, keys: Iterable[str]) -> None:
        """Show only these sections."""
        offered = set(keys)
        for key, item in self.items.items():
            item.setVisible(key in offered)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc empties the search; Down goes from it to the sections."""
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            current = next((i for i in self.items.values() if i.isChecked() and not i.isHidden()), None)
            if current is not None:
                current.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and the edge at the right."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), self._theme.color("border"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedWidth(theme.scaled(NAVIGATION_WIDTH))
        self.update()
