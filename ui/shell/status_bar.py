"""The bar at the foot of the window: each capability's state, and the bell."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from ui.shell import status_words
from ui.shell.values import CapabilityState
from ui.theme import Theme, ThemeSource
from ui.widgets.buttons import IconButton
from ui.widgets.focus import came_by_keyboard, paint_ring
from ui.widgets.glyphs import paint_glyph
from ui.widgets.labels import Label

GLYPH_PX = 7
DETAILS_FROM_PX = 1100
DETAIL_MOST_PX = 220


class StatusItem(QAbstractButton):
    """Glyph, name and detail of one capability."""

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._glyph, self._detail = "off", ""
        self._details = True
        self._ring = False
        self.capability: CapabilityState | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        themes.changed.connect(self._use)

    def show_capability(self, capability: CapabilityState) -> None:
        """Show the state of a capability."""
        self.capability = capability
        self._glyph = str(capability.state)
        self.setText(status_words.name_of(capability))
        self._detail = status_words.detail_of(capability)
        words = status_words.tooltip_of(capability)
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.updateGeometry()
        self.update()

    def set_details(self, shown: bool) -> None:
        """Show the detail, or glyph and name alone."""
        self._details = shown
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as its words."""
        width = 8 + GLYPH_PX + 6 + self._name_px() + 8
        if self._details and self._detail:
            width += 5 + self._detail_px()
        return QSize(width, 24)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Glyph, name and detail."""
        theme, painter = self._theme, QPainter(self)
        if self.underMouse() or self.isDown():
            painter.fillRect(self.rect(), theme.color("hover"))
        middle = self.height() / 2
        paint_glyph(painter, self._glyph, QPointF(8 + GLYPH_PX / 2, middle), GLYPH_PX, theme)
        left = 8 + GLYPH_PX + 6
        painter.setFont(theme.font("label"))
        painter.setPen(theme.color("text2"))
        line = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(left, 0, self._name_px() + 2, self.height(), line, self.text())
        if self._details and self._detail:
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.color({"degraded": "degraded", "down": "down"}.get(self._glyph, "text3")))
            metrics = QFontMetrics(theme.font("caption"))
            shown = metrics.elidedText(self._detail, Qt.TextElideMode.ElideRight, DETAIL_MOST_PX)
            left += self._name_px() + 5
            painter.drawText(left, 0, self.width() - left, self.height(), line, shown)
        painter.end()
        if self._ring:
            paint_ring(self, theme, radius=4)

    def _name_px(self) -> int:
        return QFontMetrics(self._theme.font("label")).horizontalAdvance(self.text())

    def _detail_px(self) -> int:
        advance = QFontMetrics(self._theme.font("caption")).horizontalAdvance(self._detail)
        return min(advance + 1, DETAIL_MOST_PX)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.updateGeometry()
        self.update()


class Bell(IconButton):
    """Opens the history of notifications; a dot says that some were not read."""

    def __init__(self, themes: ThemeSource) -> None:
        super().__init__("bell", "Notifications", themes, size=14, box=24)
        self._unread = 0

    def set_unread(self, count: int) -> None:
        """Show how many were not read."""
        self._unread = count
        self.set_name(f"Notifications, {count} unread" if count else "Notifications")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Bell and dot."""
        super().paintEvent(event)
        if self._unread:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            painter.drawEllipse(QPointF(self.width() / 2 + 4.5, self.height() / 2 - 4.5), 3, 3)
            painter.end()


class StatusBar(QWidget):
    """Emits `capability_chosen(item)` and `bell_pressed`."""

    capability_chosen = Signal(object)
    bell_pressed = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._theme = themes.theme
        self._items: dict[str, StatusItem] = {}
        self.setAccessibleName("Status")
        self._row = QHBoxLayout()
        self._row.setSpacing(0)
        self._note = Label("", themes, "caption", "text3", numbers=True)
        self.bell = Bell(themes)
        self.bell.clicked.connect(self.bell_pressed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 1, 8, 0)
        layout.setSpacing(8)
        layout.addLayout(self._row)
        layout.addStretch(1)
        layout.addWidget(self._note)
        layout.addWidget(self.bell)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def show_capabilities(self, capabilities: Sequence[CapabilityState]) -> None:
        """Show these capabilities, in the fixed order."""
        ordered = status_words.in_order(capabilities)
        if [one.name for one in ordered] != list(self._items):
            self._remake([one.name for one in ordered])
        for one in ordered:
            self._items[one.name].show_capability(one)

    def item(self, name: str) -> StatusItem | None:
        """The button of a capability."""
        return self._items.get(name)

    def set_note(self, words: str) -> None:
        """Quiet words at the right, for example `38.2 tok/s`."""
        self._note.setText(words)

    def focus_first(self) -> None:
        """Bring the keyboard to the first item."""
        first: QWidget = next(iter(self._items.values()), self.bell)
        first.setFocus(Qt.FocusReason.TabFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """A narrow window shows no details."""
        super().resizeEvent(event)
        for item in self._items.values():
            item.set_details(self.width() >= DETAILS_FROM_PX)
        self._note.setVisible(self.width() >= DETAILS_FROM_PX)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and edge."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("rail"))
        painter.fillRect(0, 0, self.width(), 1, self._theme.color("border"))
        painter.end()

    def _remake(self, names: list[str]) -> None:
        for item in self._items.values():
            self._row.removeWidget(item)
            item.hide()
            item.deleteLater()
        self._items = {}
        for name in names:
            item = StatusItem(self._themes, self)
            item.set_details(self.width() >= DETAILS_FROM_PX)
            item.clicked.connect(lambda _=False, item=item: self.capability_chosen.emit(item))
            self._items[name] = item
            self._row.addWidget(item)
            item.show()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(theme.scaled(theme.size("statusBar")))
        self.update()
