"""Writes waiting text into the views in sight, one view at a tick, so that no frame gets long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Qt, QTimer

if TYPE_CHECKING:
    from collections.abc import Sequence

TICK_MS = 16


class Flushed(Protocol):
    """A view that text waits for."""

    @property
    def wants_flush(self) -> bool:
        """Text waits to be written."""

    def flush(self) -> None:
        """Write it."""


class FlushClock(QObject):
    """Ticks only while text waits; `wake` after feeding a view."""

    def __init__(self, views: Sequence[Flushed], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._views = list(views)
        self._next = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    def wake(self) -> None:
        """Text waits in some view."""
        if not self._timer.isActive():
            self._timer.start()

    def tick(self) -> None:
        """Write into the next view that text waits for; rest when there is none."""
        for _ in self._views:
            view = self._views[self._next]
            self._next = (self._next + 1) % len(self._views)
            if view.wants_flush:
                view.flush()
                return
        self._timer.stop()
