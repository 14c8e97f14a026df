"""A layer over the whole window: darkened page, and one floating thing on it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.floating import paint_shadow


class Overlay(QWidget):
    """Covers its parent; Esc or a click beside the plate closes it. Emits `closed`.

    Args:
        themes: where the theme comes from.
        window: what it covers.
        width_px: of the plate.
        top_px: distance of the plate from the top.
        radius: of its corners in pixels.
    """

    closed = Signal()

    def __init__(
        self, themes: ThemeSource, window: QWidget, width_px: int, top_px: int, radius: float = 10
    ) -> None:
        super().__init__(window)
        self._themes = themes
        self._theme = themes.theme
        self._width_px, self._top_px, self._radius = width_px, top_px, radius
        self._window = window
        self._before: QWidget | None = None
        self.plate = QWidget(self)
        self.hide()
        themes.changed.connect(self._use)

    def open(self) -> None:
        """Cover the window."""
        self._before = QApplication.focusWidget()
        self.setGeometry(self._window.rect())
        self.place()
        self.show()
        self.raise_()

    def close_now(self) -> None:
        """Uncover the window and give the focus back."""
        if self.isHidden():
            return
        self.hide()
        before, self._before = self._before, None
        if before is not None and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()

    def plate_height(self) -> int:
        """Height that the plate wants."""
        return self.plate.sizeHint().height()

    def place(self) -> None:
        """Put the plate in its place."""
        width = min(self._theme.scaled(self._width_px), self.width() - 32)
        height = min(self.plate_height(), self.height() - self._top_px - 32)
        self.plate.setGeometry((self.width() - width) // 2, self._top_px, width, height)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_now()
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click beside the plate closes."""
        if not self.plate.geometry().contains(event.position().toPoint()):
            self.close_now()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Scrim, shadow and plate."""
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scrim = theme.color("scrim")
        scrim.setAlphaF(theme.tokens.scrim_opacity[theme.name])
        painter.fillRect(self.rect(), scrim)
        plate = QRectF(self.plate.geometry())
        paint_shadow(painter, plate, self._radius, theme)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("raised"))
        painter.drawRoundedRect(plate.adjusted(0.5, 0.5, -0.5, -0.5), self._radius, self._radius)
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()
