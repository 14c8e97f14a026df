"""A choice between few things, all of them seen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.focus import came_by_keyboard, paint_ring

PADDING_PX = 12
STEP_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class Segmented(QWidget):
    """Segments in a trough; emits `chosen(value)` when the user takes another.

    Args:
        name: accessible name.
        options: value and words of each segment.
        themes: where the theme comes from.
    """

    chosen = Signal(object)

    def __init__(
        self,
        name: str,
        options: Sequence[tuple[object, str]],
        themes: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._options = tuple(options)
        self._current = 0
        self._ring = False
        self._theme = themes.theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    @property
    def value(self) -> object:
        """The value that is chosen."""
        return self._options[self._current][0]

    def choose(self, value: object) -> None:
        """Select a value in silence; an unknown one leaves the selection alone."""
        values = [option for option, _ in self._options]
        if value in values:
            self._current = values.index(value)
            self._say()
            self.update()

    def segment_rects(self) -> list[QRectF]:
        """Where each segment lies."""
        left = 2.0
        rects = []
        for width in self._widths():
            rects.append(QRectF(left, 2, width, self.height() - 4))
            left += width
        return rects

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take the segment under the pointer."""
        if event.button() == Qt.MouseButton.LeftButton:
            for place, rect in enumerate(self.segment_rects()):
                if rect.contains(event.position()):
                    self._take(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrow keys go from one to the next."""
        step = STEP_KEYS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        self._take(min(len(self._options) - 1, max(0, self._current + step)))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Trough, plate and words."""
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("control"))
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        for place, rect in enumerate(self.segment_rects()):
            current = place == self._current
            if current:
                painter.setPen(QPen(theme.color("border"), 1))
                painter.setBrush(theme.color("card" if theme.name == "light" else "pressed"))
                painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            painter.setPen(theme.color(self._word_token(current)))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self._options[place][1])
        painter.end()
        if self._ring:
            paint_ring(self, theme)

    def _word_token(self, current: bool) -> str:
        if not self.isEnabled():
            return "disabled"
        return "text" if current else "text2"

    def _take(self, place: int) -> None:
        if place != self._current:
            self._current = place
            self._say()
            self.update()
            self.chosen.emit(self.value)

    def _say(self) -> None:
        self.setAccessibleName(f"{self._name}: {self._options[self._current][1]}")

    def _widths(self) -> list[int]:
        metrics = QFontMetrics(self._theme.font("control"))
        return [metrics.horizontalAdvance(words) + 2 * PADDING_PX for _, words in self._options]

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedSize(QSize(sum(self._widths()) + 4, theme.scaled(28)))
        self._say()
        self.update()
