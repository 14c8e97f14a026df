"""The band that says that the backend is lost, and when it is tried again."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from ui.theme import ThemeSource
from ui.widgets.banner import Banner

RETRY, LOG = "Try now", "Show log"
LOG_AFTER_MS = 10_000


class ConnectionBand(Banner):
    """Hidden while all is well; emits `retry_pressed` and `log_pressed`."""

    retry_pressed = Signal()
    log_pressed = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, (LOG, RETRY), parent)
        self._log_delay = QTimer(self)
        self._log_delay.setSingleShot(True)
        self._log_delay.setInterval(LOG_AFTER_MS)
        self._log_delay.timeout.connect(lambda: self.offer(LOG))
        self.offer(LOG, False)
        self.offer(RETRY)
        self.pressed.connect(self._press)
        self.hide()

    def lost(self, words: str, *, state: str = "degraded") -> None:
        """Say what is lost; after ten seconds the log is offered too."""
        self.say(words, state)
        if self.isHidden():
            self.offer(LOG, False)
            self._log_delay.start()
            self.show()
        if state == "down":
            self.offer(LOG)

    def back(self) -> None:
        """All is well again."""
        self._log_delay.stop()
        self.hide()

    def _press(self, button: str) -> None:
        (self.retry_pressed if button == RETRY else self.log_pressed).emit()
