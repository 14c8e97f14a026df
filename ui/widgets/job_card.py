"""A job that takes long: its name, how far it is, and the ways to hold or end it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.buttons import IconButton
from ui.widgets.cards import Card
from ui.widgets.labels import ElidedLabel, Label


class ProgressBar(QWidget):
    """A bar 4 px high, filled to a share."""

    def __init__(self, name: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._share = 0.0
        self._token = "accent"
        self.setAccessibleName(name)
        self.setFixedHeight(4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        themes.changed.connect(self._use)

    def set_share(self, share: float, token: str = "accent") -> None:
        """Fill the bar to a share between 0 and 1, in a colour token."""
        self._share = min(1.0, max(0.0, share))
        self._token = token
        self.setAccessibleDescription(f"{self._share:.0%}")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Any width."""
        return QSize(80, 4)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Track and bar."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        box = QRectF(self.rect())
        painter.setBrush(self._theme.color("pressed"))
        painter.drawRoundedRect(box, 2, 2)
        if self._share > 0:
            painter.setBrush(self._theme.color(self._token))
            box.setWidth(max(4.0, box.width() * self._share))
            painter.drawRoundedRect(box, 2, 2)
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


class JobCard(Card):
    """One job; emits `cancelled` and `paused` when its buttons are pressed.

    Args:
        name: of the job.
        themes: where the theme comes from.
        pausable: offer Pause.
    """

    cancelled = Signal()
    paused = Signal()

    def __init__(
        self, name: str, themes: ThemeSource, *, pausable: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(themes, parent=parent)
        self._name = ElidedLabel(name, themes, "strong")
        self._bar = ProgressBar(name, themes)
        self._caption = Label("", themes, "caption", "text2", numbers=True)
        self._pause = IconButton("pause", f"Pause {name}", themes, box=24)
        self._cancel = IconButton("x", f"Cancel {name}", themes, box=24)
        self._pause.setVisible(pausable)
        self._pause.clicked.connect(self.paused)
        self._cancel.clicked.connect(self.cancelled)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._name, 1)
        head.addWidget(self._pause)
        head.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 12)
        layout.setSpacing(6)
        layout.addLayout(head)
        row = QHBoxLayout()
        row.addWidget(self._bar)
        row.setContentsMargins(0, 0, 8, 0)
        layout.addLayout(row)
        layout.addWidget(self._caption)
        layout.addStretch(1)
        self.setAccessibleName(name)

    def show_progress(self, share: float | None, caption: str, *, on_hold: bool = False) -> None:
        """Show how far the job is.

        Args:
            share: between 0 and 1; None while the total is unknown, then there is no bar.
            caption: amount, speed and remaining time in words.
            on_hold: the job is paused.
        """
        self._bar.setVisible(share is not None)
        if share is not None:
            self._bar.set_share(share, "disabled" if on_hold else "accent")
        self._caption.setText(caption)
        self.setAccessibleDescription(caption)

    def set_cancellable(self, possible: bool) -> None:
        """Offer Cancel, or not."""
        self._cancel.setVisible(possible)
