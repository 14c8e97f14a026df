"""One download: how far it is, what went wrong, and the ways to hold, try again or end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.library import DownloadState
from ui.models import words
from ui.models.state import share_of
from ui.widgets import Card, ElidedLabel, IconButton, Label, ProgressBar, SecondaryButton, StateGlyph

if TYPE_CHECKING:
    from backend_embedded.contract.library import Download
    from ui.models.state import Failure
    from ui.theme import ThemeSource

HELD = (DownloadState.QUEUED, DownloadState.RUNNING)


class DownloadCard(Card):
    """Shows a download; emits what is wanted of it."""

    pause_wanted = Signal()
    resume_wanted = Signal()
    cancel_wanted = Signal()
    dismissed = Signal()
    show_wanted = Signal()

    def __init__(self, name: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, parent=parent)
        self._state: DownloadState | None = None
        self.setAccessibleName(f"Download of {name}")
        self.glyph = StateGlyph("down", themes)
        self.name = ElidedLabel(name, themes, "strong")
        self.pause = IconButton("pause", f"Pause {name}", themes, box=24)
        self.resume = IconButton("play", f"Resume {name}", themes, box=24)
        self.close_button = IconButton("x", f"Cancel {name}", themes, box=24)
        self._name = name
        self.bar = ProgressBar(name, themes)
        self.caption = Label("", themes, "caption", "text2", numbers=True, wrap=True)
        self.problem = Label("", themes, "caption", "down", wrap=True, selectable=True)
        self.retry = SecondaryButton("Try again", themes, "rotate-cw", small=True)
        self.show_model = SecondaryButton("Show model", themes, small=True)
        self.pause.clicked.connect(self.pause_wanted)
        self.resume.clicked.connect(self.resume_wanted)
        self.retry.clicked.connect(self.resume_wanted)
        self.show_model.clicked.connect(self.show_wanted)
        self.close_button.clicked.connect(self._close)
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        for widget in (self.glyph, self.name, self.pause, self.resume, self.close_button):
            head.addWidget(widget, 1 if widget is self.name else 0)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.retry)
        below.addWidget(self.show_model)
        below.addStretch(1)
        inner = QVBoxLayout()
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(6)
        inner.addWidget(self.bar)
        inner.addWidget(self.problem)
        inner.addWidget(self.caption)
        inner.addLayout(below)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 8, 12)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(inner)

    def show_download(self, download: Download, failure: Failure | None, locked: str) -> None:
        """Show how it stands.

        Args:
            download: as it is now.
            failure: why what was asked of it was refused.
            locked: why nothing can be asked of it; empty when it can.
        """
        state = self._state = download.state
        goes_on = any(button.hasFocus() for button in (self.pause, self.resume, self.retry))
        ended = state in (DownloadState.DONE, DownloadState.FAILED)
        self.glyph.setVisible(ended)
        self.glyph.set_state("ok" if state is DownloadState.DONE else "down")
        self.pause.setVisible(state in HELD)
        self.resume.setVisible(state is DownloadState.PAUSED)
        self.retry.setVisible(state is DownloadState.FAILED)
        self.show_model.setVisible(state is DownloadState.DONE)
        over = state is DownloadState.DONE
        self.close_button.set_name(f"Dismiss {self._name}" if over else f"Cancel {self._name}")
        share = share_of(download)
        self.bar.setVisible(share is not None and state is not DownloadState.DONE)
        if share is not None:
            still = state in (DownloadState.PAUSED, DownloadState.FAILED)
            self.bar.set_share(
                1.0 if state is DownloadState.VERIFYING else share, "disabled" if still else "accent"
            )
        caption = words.progress_of(download)
        self.caption.setText(caption)
        self.caption.setVisible(bool(caption))
        told = [failure.title, failure.line] if failure else []
        if state is DownloadState.FAILED:
            told = [download.message, download.remedy, *told]
        self.problem.setText(" ".join(part for part in told if part))
        self.problem.setVisible(any(told))
        self.setAccessibleDescription(" ".join(part for part in (*told, caption) if part))
        failed = state is DownloadState.FAILED or failure is not None
        self.set_colors("downSoft" if failed else "card", "downSoft" if failed else "border")
        for button in (self.pause, self.resume, self.retry, self.close_button):
            button.setEnabled(not locked or (over and button is self.close_button))
        if goes_on:
            self._keep_focus()

    def _keep_focus(self) -> None:
        """Leave the keyboard on the button that came in the other's place, and never on Cancel by itself."""
        buttons = (self.pause, self.resume, self.retry, self.show_model)
        standing = next((button for button in buttons if not button.isHidden()), None)
        if standing is not None:
            standing.setFocus()

    def _close(self) -> None:
        (self.dismissed if self._state is DownloadState.DONE else self.cancel_wanted).emit()
