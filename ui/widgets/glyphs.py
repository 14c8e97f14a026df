"""Shapes that stand for a state, and the ring that turns while something is busy."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, QSize, Qt, QTimerEvent
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QPen, QPolygonF, QShowEvent
from PySide6.QtWidgets import QWidget

from ui.theme import Theme, ThemeSource

Glyph = Literal["ok", "degraded", "down", "off"]
FRAME_MS = 33
ARC_DEGREES = 110


def paint_glyph(painter: QPainter, state: str, center: QPointF, side: float, theme: Theme) -> None:
    """Draw a state's shape: disc, triangle, square, or ring for off and waiting.

    Args:
        painter: an open painter; its pen and brush are changed.
        state: `ok`, `degraded`, `down`, or anything else for off.
        center: middle of the shape.
        side: diameter or side in pixels.
        theme: the theme in use.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    half = side / 2
    box = QRectF(center.x() - half, center.y() - half, side, side)
    painter.setPen(Qt.PenStyle.NoPen)
    if state == "ok":
        painter.setBrush(theme.color("ok"))
        painter.drawEllipse(box)
    elif state == "degraded":
        painter.setBrush(theme.color("degraded"))
        reach = half + 1
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(center.x(), center.y() - half),
                    QPointF(center.x() + reach, center.y() + half),
                    QPointF(center.x() - reach, center.y() + half),
                ]
            )
        )
    elif state == "down":
        painter.setBrush(theme.color("down"))
        painter.drawRect(box)
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("text3"), 1.6))
        painter.drawEllipse(box.adjusted(0.4, 0.4, -0.4, -0.4))


class StateGlyph(QWidget):
    """The shape of a state beside a word that says the same."""

    def __init__(
        self, state: str, themes: ThemeSource, side: int = 8, *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._side = state, side
        self._theme = themes.theme
        self.setFixedSize(QSize(side + 6, side + 6))
        self.setAccessibleName(state)
        themes.changed.connect(self._use)

    @property
    def state(self) -> str:
        """`ok`, `degraded`, `down` or `off`."""
        return self._state

    def set_state(self, state: str) -> None:
        """Show another state."""
        self._state = state
        self.setAccessibleName(state)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The shape."""
        painter = QPainter(self)
        paint_glyph(painter, self._state, QRectF(self.rect()).center(), self._side, self._theme)
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


class BusyRing(QWidget):
    """A ring with an arc that turns while it is seen; it stands still when movement is reduced."""

    def __init__(
        self, name: str, themes: ThemeSource, side: int = 12, *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._timer = 0
        self._clock = QElapsedTimer()
        self.setFixedSize(QSize(side + 4, side + 4))
        self.setAccessibleName(name)
        themes.changed.connect(self._use)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Begin to turn."""
        super().showEvent(event)
        self._turn()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Stop turning."""
        super().hideEvent(event)
        self._halt()

    def timerEvent(self, event: QTimerEvent) -> None:  # noqa: N802
        """Next frame."""
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The ring and, when it turns, its arc."""
        painter = QPainter(self)
        paint_busy(painter, QRectF(self.rect()).adjusted(3, 3, -3, -3), self._theme, self._angle())
        painter.end()

    def _angle(self) -> float | None:
        turn_ms = self._theme.motion_ms("spinnerTurn")
        if not turn_ms or not self._clock.isValid():
            return None
        return 360.0 * (self._clock.elapsed() % turn_ms) / turn_ms

    def _turn(self) -> None:
        self._halt()
        if not self._theme.reduced_motion:
            self._clock.start()
            self._timer = self.startTimer(FRAME_MS)

    def _halt(self) -> None:
        if self._timer:
            self.killTimer(self._timer)
            self._timer = 0

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        if self.isVisible():
            self._turn()
        self.update()


def paint_busy(painter: QPainter, box: QRectF, theme: Theme, angle: float | None) -> None:
    """Draw the busy ring; `angle` in degrees, None for a still ring."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("pressed"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(box)
    if angle is not None:
        arc = QPen(theme.color("accent"), 2)
        arc.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(arc)
        painter.drawArc(box, round((90 - angle) * 16), -ARC_DEGREES * 16)
