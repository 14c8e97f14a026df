"""What stands in a place that waits: bars, after a while what is awaited, and later a way to give up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.widgets.buttons import SecondaryButton
from ui.widgets.labels import Label
from ui.widgets.skeleton import SkeletonBars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QHideEvent, QShowEvent

    from ui.theme import ThemeSource


class Patience(QObject):
    """Says that a wait takes long (`long`), and later that it takes very long (`too_long`)."""

    long = Signal()
    too_long = Signal()

    def __init__(self, themes: ThemeSource, parent: QObject) -> None:
        super().__init__(parent)
        times = themes.theme.tokens.motion_ms
        self._timers: list[QTimer] = []
        for name, told in (("awaitedCaption", self.long), ("awaitedCancel", self.too_long)):
            timer = QTimer(self)
            timer.setSingleShot(True)
            timer.setInterval(times[name])
            timer.timeout.connect(told)
            self._timers.append(timer)

    @property
    def is_active(self) -> bool:
        """Something is being waited for."""
        return any(timer.isActive() for timer in self._timers)

    def begin(self) -> None:
        """The wait begins, from its start."""
        for timer in self._timers:
            timer.start()

    def end(self) -> None:
        """It is over."""
        for timer in self._timers:
            timer.stop()


class Waiting(QWidget):
    """Bars while it is in sight; emits `cancelled`.

    Args:
        shares: width of each bar, between 0 and 1.
        themes: where the theme comes from.
        name: what goes on, for assistive tools: `Reading the models`.
        awaited: the same for all, as a sentence, shown when it takes long.
        cancellable: it can be given up.
    """

    cancelled = Signal()

    def __init__(
        self,
        shares: Sequence[float],
        themes: ThemeSource,
        name: str,
        awaited: str,
        *,
        cancellable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.bars = SkeletonBars(shares, themes, name)
        self.caption = Label(awaited, themes, "caption", "text2", wrap=True)
        self.cancel = SecondaryButton("Cancel", themes, small=True)
        self.cancel.setAccessibleName(f"Cancel {name[:1].lower()}{name[1:]}")
        self.cancel.clicked.connect(self.cancelled)
        self.patience = Patience(themes, self)
        self.patience.long.connect(self.caption.show)
        if cancellable:
            self.patience.too_long.connect(self.cancel.show)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self.caption, 1)
        foot.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.bars)
        column.addLayout(foot)
        self.caption.hide()
        self.cancel.hide()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """The wait begins."""
        super().showEvent(event)
        self.caption.hide()
        self.cancel.hide()
        self.patience.begin()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """It is over."""
        self.patience.end()
        super().hideEvent(event)
