"""Grey bars in the place of what is being loaded; they do not move."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from ui.theme import Theme, ThemeSource

BAR_PX = 10
STEP_PX = 18


class SkeletonBars(QWidget):
    """Bars of the given shares of the width, drawn only after a short wait.

    Args:
        shares: width of each bar, between 0 and 1.
        themes: where the theme comes from.
        name: what is being loaded.
    """

    def __init__(
        self,
        shares: Sequence[float],
        themes: ThemeSource,
        name: str = "Loading",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._shares = tuple(shares)
        self._theme = themes.theme
        self._waited = False
        self.setAccessibleName(name)
        self.setMinimumHeight(STEP_PX * len(self._shares))
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(themes.theme.tokens.motion_ms["skeletonDelay"])
        self._delay.timeout.connect(self._appear)
        themes.changed.connect(self._use)

    @property
    def is_drawn(self) -> bool:
        """Whether the short wait is over."""
        return self._waited

    def sizeHint(self) -> QSize:  # noqa: N802
        """One step for each bar."""
        return QSize(200, STEP_PX * len(self._shares))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The bars."""
        if not self._waited:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("pressed"))
        for place, share in enumerate(self._shares):
            painter.drawRoundedRect(QRectF(0, place * STEP_PX, self.width() * share, BAR_PX), 2, 2)
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """The short wait begins."""
        super().showEvent(event)
        self._waited = False
        self._delay.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Nothing is awaited any more."""
        self._delay.stop()
        super().hideEvent(event)

    def _appear(self) -> None:
        self._waited = True
        self.update()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()
