"""What floats over the window: a raised plate with one soft shadow."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ui.theme import Theme, ThemeSource

SHADOW_PX = 12
SHADOW_DOWN_PX = 5


class Floating(QWidget):
    """A plate with room for its shadow: contents margins of `SHADOW_PX` all around, more below.

    Args:
        themes: where the theme comes from.
        radius: of the corners in pixels.
    """

    def __init__(self, themes: ThemeSource, radius: float = 8, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._radius = radius
        self.setContentsMargins(SHADOW_PX, SHADOW_PX, SHADOW_PX, SHADOW_PX + SHADOW_DOWN_PX)
        themes.changed.connect(self._use)

    def plate(self) -> QRectF:
        """The plate without its shadow."""
        return QRectF(self.contentsRect())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Shadow and plate."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_shadow(painter, self.plate(), self._radius, self._theme)
        painter.setPen(QPen(self._theme.color("border"), 1))
        painter.setBrush(self._theme.color("raised"))
        painter.drawRoundedRect(self.plate().adjusted(0.5, 0.5, -0.5, -0.5), self._radius, self._radius)
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


def paint_shadow(painter: QPainter, plate: QRectF, radius: float, theme: Theme) -> None:
    """Draw the soft shadow of a plate, one step a pixel, each fainter than the one inside it."""
    shade = QColor(0, 0, 0)
    painter.setPen(Qt.PenStyle.NoPen)
    for step in range(SHADOW_PX):
        shade.setAlphaF(theme.tokens.shadow_alpha[theme.name] * (1 - step / SHADOW_PX))
        painter.setBrush(shade)
        grown = plate.adjusted(-step, -step, step, step).translated(0, SHADOW_DOWN_PX)
        painter.drawRoundedRect(grown, radius + step, radius + step)
