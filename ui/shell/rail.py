"""The navigation rail at the left of the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from ui.shell.values import PageEntry
from ui.theme import Theme, ThemeSource
from ui.theme.icons import pixmap
from ui.widgets.buttons import tip
from ui.widgets.focus import came_by_keyboard, paint_ring

ITEM_PX, STEP_PX = 32, 34
MARK = QRectF(14, 13, 22, 22)


class RailItem(QAbstractButton):
    """One row of the rail: icon, and name when the rail is open."""

    def __init__(
        self, name: str, icon: str, shortcut: str, themes: ThemeSource, *, show_keys: bool = False
    ) -> None:
        super().__init__()
        self._theme = themes.theme
        self._icon, self._shortcut = icon, shortcut
        self._show_keys = show_keys
        self._open = True
        self._ring = False
        self.setText(name)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._use(themes.theme)
        themes.changed.connect(self._use)

    def set_open(self, is_open: bool) -> None:
        """Show the name, or the icon alone with the name as tooltip."""
        self._open = is_open
        self.setToolTip("" if is_open else tip(self.text(), self._shortcut, self._theme))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """One row."""
        return QSize(48, self._theme.scaled(ITEM_PX) + STEP_PX - ITEM_PX)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Plate, bar, icon, name and keys."""
        theme, current = self._theme, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plate = QRectF(6, 1, self.width() - 13, self.height() - 2)
        ground = self._ground(current)
        if ground:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(ground))
            painter.drawRoundedRect(plate, 6, 6)
        if current:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(6, self.height() / 2 - 8, 3, 16), 1.5, 1.5)
        picture = pixmap(self._icon, "accent" if current else "text2", 18, theme)
        painter.drawPixmap(15, (self.height() - 18) // 2, picture)
        if self._open:
            self._paint_words(painter, current)
        painter.end()
        if self._ring:
            paint_ring(self, theme)

    def _ground(self, current: bool) -> str:
        if current:
            return "selected"
        if self.isDown():
            return "pressed"
        return "hover" if self.underMouse() else ""

    def _paint_words(self, painter: QPainter, current: bool) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self._theme.color("text" if current else "text2"))
        painter.setFont(self._theme.font("strong" if current else "control"))
        painter.drawText(QRectF(44, 0, self.width() - 56, self.height()), middle, self.text())
        if self._show_keys:
            # text3 cannot be read on the ground of a pressed item
            painter.setPen(self._theme.color("text2" if self.isDown() else "text3"))
            painter.setFont(self._theme.font("micro"))
            right = middle | Qt.AlignmentFlag.AlignRight
            keys = self._shortcut.replace("+", " ")
            painter.drawText(QRectF(0, 0, self.width() - 14, self.height()), right, keys)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.set_open(self._open)
        self.updateGeometry()


class Rail(QWidget):
    """Pages above, commands and settings below; emits `chosen(key)` and `commands`."""

    chosen = Signal(str)
    commands = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._theme = themes.theme
        self._items: dict[str, RailItem] = {}
        self._open = True
        self._current = ""
        self.setAccessibleName("Navigation")
        self._pages = QVBoxLayout()
        self._pages.setSpacing(0)
        self._low = QVBoxLayout()
        self._low.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 51, 0, 9)
        layout.setSpacing(0)
        layout.addLayout(self._pages)
        layout.addStretch(1)
        layout.addLayout(self._low)
        self._commands = self._add(
            self._low, "Commands", "search", "Ctrl+K", self.commands.emit, show_keys=True
        )
        themes.changed.connect(self._use)
        self.set_open(True)

    @property
    def is_open(self) -> bool:
        """Names are shown."""
        return self._open

    def add_page(self, entry: PageEntry) -> None:
        """Add a row for a page."""
        column = self._low if entry.at_bottom else self._pages
        item = self._add(column, entry.title, entry.icon, entry.shortcut, lambda: self.chosen.emit(entry.key))
        item.setCheckable(True)
        item.clicked.connect(lambda _=False: self.set_current(self._current))
        self._items[entry.key] = item

    def set_current(self, key: str) -> None:
        """Mark the row of a page."""
        self._current = key
        for name, item in self._items.items():
            item.setChecked(name == key)

    def set_open(self, is_open: bool) -> None:
        """Show names, or icons alone."""
        self._open = is_open
        self._fit()
        for item in [self._commands, *self._items.values()]:
            item.set_open(is_open)
        self.update()

    def focus_current(self) -> None:
        """Bring the keyboard to the row of the current page."""
        item = next((item for item in self._items.values() if item.isChecked()), self._commands)
        item.setFocus(Qt.FocusReason.TabFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground, edge, mark and name of the program."""
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.color("rail"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme.color("border"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(MARK, 5, 5)
        letter = theme.font("cardTitle")
        letter.setPixelSize(14)
        painter.setFont(letter)
        painter.setPen(theme.color("onAccent"))
        painter.drawText(MARK, Qt.AlignmentFlag.AlignCenter, "S")
        if self._open:
            painter.setPen(theme.color("text"))
            painter.setFont(theme.font("strong"))
            painter.drawText(QRectF(44, 0, self.width() - 52, 48), Qt.AlignmentFlag.AlignVCenter, "SutazAI")
        painter.end()

    def _add(
        self,
        column: QVBoxLayout,
        name: str,
        icon: str,
        shortcut: str,
        run: Callable[[], object],
        *,
        show_keys: bool = False,
    ) -> RailItem:
        item = RailItem(name, icon, shortcut, self._themes, show_keys=show_keys)
        item.set_open(self._open)
        item.clicked.connect(lambda _=False: run())
        column.addWidget(item)
        return item

    def _fit(self) -> None:
        theme = self._theme
        # icons keep their size, names grow
        self.setFixedWidth(theme.scaled(theme.size("railOpen")) if self._open else theme.size("railClosed"))

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self._fit()
        self.update()
