"""Answers to one question in columns, each with its figures and a button to go on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.conversations import MessageStatus
from ui.chat import words
from ui.chat.column import MARGIN
from ui.chat.flush_clock import FlushClock
from ui.chat.transcript_view import TranscriptView
from ui.widgets import ElidedLabel, Label, SecondaryButton

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.conversations import Message
    from ui.chat.compare.compare_state import Column, Comparison
    from ui.theme import Theme, ThemeSource


class AnswerColumn(QWidget):
    """One answer."""

    wanted = Signal()

    def __init__(
        self, column: Column, themes: ThemeSource, open_link: Callable[[str], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self.setAccessibleName(f"Answer of {column.way.title}")
        self.view = TranscriptView(themes.theme, open_link, lambda _: (column.way.title, ""))
        self.view.setAccessibleName(f"Answer of {column.way.title}")
        self.figures = Label("", themes, "caption", "text3", numbers=True, wrap=True)
        self.problem = Label("", themes, "caption", "down", wrap=True)
        self.problem.hide()
        self.button = SecondaryButton("Go on with this", themes, "check")
        self.button.setAccessibleName(f"Go on with the answer of {column.way.title}")
        self.button.clicked.connect(self.wanted)
        foot = QVBoxLayout()
        foot.setContentsMargins(MARGIN, 8, MARGIN, 12)
        foot.setSpacing(8)
        foot.addWidget(self.figures)
        foot.addWidget(self.problem)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addStretch(1)
        foot.addLayout(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 1, 0)
        layout.setSpacing(0)
        layout.addWidget(self.view, 1)
        layout.addLayout(foot)
        themes.changed.connect(self._use)

    def show_column(self, column: Column) -> None:
        """Show how far this answer is."""
        answer = column.answer
        self.problem.setText(column.problem)
        self.problem.setVisible(bool(column.problem))
        self.button.setEnabled(answer is not None)
        if answer is None:
            self.figures.setText("" if column.problem else "Waiting")
            return
        writing = answer.status is MessageStatus.WRITING
        self.view.show_messages((answer,), {answer.id} if writing else set())
        self.figures.setText(figures_of(answer))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The edge to the next column."""
        painter = QPainter(self)
        painter.fillRect(self.width() - 1, 0, 1, self.height(), self._theme.color("border"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.view.set_theme(theme)
        self.update()


def figures_of(answer: Message) -> str:
    """The line under an answer of a column."""
    if answer.status is MessageStatus.WRITING:
        return "Writing"
    said = {MessageStatus.STOPPED: "Stopped", MessageStatus.INCOMPLETE: "Incomplete"}.get(answer.status, "")
    facts = words.footer_facts(answer.stats) if answer.stats is not None else ""
    return words.SEPARATOR.join(part for part in (said, facts) if part)


class CompareView(QWidget):
    """The question over two to four columns."""

    taken = Signal(int)
    stopped = Signal()
    left = Signal()

    def __init__(
        self, themes: ThemeSource, open_link: Callable[[str], object], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._themes = themes
        self._open_link = open_link
        self.columns: list[AnswerColumn] = []
        self._clock: FlushClock | None = None
        self._question = ElidedLabel("", themes, "strong")
        self._stop = stop = SecondaryButton("Stop all", themes, "square")
        stop.clicked.connect(self.stopped)
        leave = SecondaryButton("Leave", themes)
        leave.setAccessibleName("Leave the comparison; all answers are kept")
        leave.clicked.connect(self.left)
        head = QHBoxLayout()
        head.setContentsMargins(MARGIN, 8, 12, 8)
        head.setSpacing(8)
        head.addWidget(self._question, 1)
        head.addWidget(stop)
        head.addWidget(leave)
        self._row = QHBoxLayout()
        self._row.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(self._row, 1)

    def show_comparison(self, comparison: Comparison | None) -> None:
        """Show these answers; None: nothing is compared."""
        wanted = len(comparison.columns) if comparison is not None else 0
        if wanted != len(self.columns):
            self._rebuild(comparison)
        if comparison is None:
            return
        self._question.set_whole_text(comparison.text)
        for shown, column in zip(self.columns, comparison.columns, strict=True):
            shown.show_column(column)
        self._offer_stop(comparison.answering)

    def focus_first(self) -> None:
        """Put the keyboard on the first button."""
        if self.columns:
            first = self.columns[0].button if self._stop.isHidden() else self._stop
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def _offer_stop(self, answering: bool) -> None:
        """Offer to stop while there is something to stop; its focus goes to the first answer's button."""
        had_focus = self._stop.hasFocus()
        self._stop.setVisible(answering)
        if had_focus and not answering:
            self.focus_first()

    def feed(self, place: int, text: str) -> None:
        """Streamed text for a column."""
        if place < len(self.columns):
            view = self.columns[place].view
            if view.items:
                view.feed(view.items[-1].message.id, text)
            if self._clock is not None:
                self._clock.wake()

    def _rebuild(self, comparison: Comparison | None) -> None:
        for old in self.columns:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.columns = []
        if self._clock is not None:
            self._clock.deleteLater()
            self._clock = None
        for place, column in enumerate(comparison.columns if comparison is not None else ()):
            made = AnswerColumn(column, self._themes, self._open_link, self)
            made.wanted.connect(lambda place=place: self.taken.emit(place))
            self.columns.append(made)
            self._row.addWidget(made, 1)
        if self.columns:
            self._clock = FlushClock([column.view for column in self.columns], self)
