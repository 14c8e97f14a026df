"""A switch for something that is on or off at once."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.focus import came_by_keyboard, paint_ring

TRACK = QSize(32, 18)
RING_ROOM_PX = 4


class Switch(QAbstractButton):
    """32 by 18, with room for the focus ring around it."""

    def __init__(self, name: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._ring = False
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedSize(self.sizeHint())
        themes.changed.connect(self._use)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Track and ring."""
        return QSize(TRACK.width() + 2 * RING_ROOM_PX, TRACK.height() + 2 * RING_ROOM_PX)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Track, thumb and ring."""
        theme, on = self._theme, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(RING_ROOM_PX, RING_ROOM_PX, TRACK.width(), TRACK.height()).adjusted(
            0.5, 0.5, -0.5, -0.5
        )
        usable = self.isEnabled()
        painter.setPen(QPen(theme.color(("accent" if on else "control") if usable else "border"), 1))
        painter.setBrush(theme.color(("accent" if usable else "border") if on else "input"))
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(("onAccent" if on else "control") if usable else "disabled"))
        x = track.right() - 8.5 if on else track.left() + 8.5
        radius = 5.5
        painter.drawEllipse(QPointF(x, track.center().y()), radius, radius)
        painter.end()
        if self._ring:
            paint_ring(self, theme, radius=TRACK.height() / 2 + RING_ROOM_PX)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()
