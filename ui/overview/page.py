"""The overview page: what is broken, every capability, the queues, and what happened lately."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from ui.overview import state as overview
from ui.overview.capability_table import CapabilityTable
from ui.widgets import Card, ElidedLabel, IconButton, Label, PageHeader, SkeletonBars, StateGlyph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QHideEvent, QShowEvent

    from ui.overview.presenter import OverviewPresenter
    from ui.overview.state import OverviewState
    from ui.theme import ThemeSource

READ_AGAIN_MS = 5_000
MARGIN, GAP = 16, 12


class ListCard(Card):
    """A title over lines of words and a figure at their right."""

    def __init__(self, title: str, nothing: str, themes: ThemeSource) -> None:
        super().__init__(themes)
        self._themes = themes
        self._nothing = nothing
        self.setAccessibleName(title)
        self._shown: list[tuple[str, str]] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(Label(title, themes, "cardTitle"))
        self._lines = QVBoxLayout()
        self._lines.setSpacing(8)
        column.addLayout(self._lines)
        column.addStretch(1)
        self.show_lines(())

    def show_lines(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show these lines, or that there are none."""
        if list(lines) == self._shown:
            return
        self._shown = list(lines)
        while (item := self._lines.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for words, figure in lines:
            self._lines.addWidget(self._line(words, figure))
        if not lines:
            self._lines.addWidget(Label(self._nothing, self._themes, tone="text3", wrap=True))

    def _line(self, words: str, figure: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(ElidedLabel(words, self._themes), 1)
        row.addWidget(Label(figure, self._themes, "caption", "text3", numbers=True))
        return line


class OverviewPage(QWidget):
    """Shows what the presenter says; a capability leads to its section of the settings.

    Args:
        presenter: keeps it true.
        themes: where the theme comes from.
        open_setting: shows a section of the settings.
        now: the time.
    """

    def __init__(
        self,
        presenter: OverviewPresenter,
        themes: ThemeSource,
        *,
        open_setting: Callable[[str], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._presenter = presenter
        self._open_setting = open_setting
        self._now = now
        self.setAccessibleName("Overview")
        self.header = PageHeader("Overview", themes)
        self.refresh = IconButton("refresh-cw", "Read all again", themes, shortcut="F5")
        self.refresh.clicked.connect(self.read)
        self.header.add_action(self.refresh)
        self.table = CapabilityTable(themes)
        self.table.opened.connect(self._open)
        self.counts = Label("", themes, "caption", "text3")
        self.queues = ListCard("Queues", "Nothing was heard of the queues yet.", themes)
        self.figures = ListCard("Since the start", "Nothing was counted yet.", themes)
        self.events = ListCard("Recent events", "Nothing was heard of yet.", themes)
        self.waiting = SkeletonBars((0.3, 0.9, 0.9, 0.9, 0.9), themes, "Reading the capabilities")
        self.band = Card(themes, "downSoft", "downSoft")
        self.band_title, self.band_words = Label("", themes, "strong"), ElidedLabel("", themes, tone="text2")
        self.problem = Label("", themes, "caption", "down", wrap=True)
        self._lay_out(themes)
        self._clock = QTimer(self)
        self._clock.setInterval(READ_AGAIN_MS)
        self._clock.timeout.connect(self.read)
        presenter.listen(self)
        self.state_changed(presenter.state)

    def read(self) -> None:
        """Read all again."""
        self._presenter.spawn(self._presenter.read())

    def state_changed(self, state: OverviewState) -> None:
        """Show this state."""
        known = state.capabilities or ()
        self.waiting.setVisible(state.capabilities is None)
        self.table.setVisible(state.capabilities is not None)
        self.table.show_rows(overview.rows_of(known))
        self.counts.setText(overview.counts_of(known))
        down = overview.broken(known)
        self.band.setVisible(down is not None)
        if down is not None:
            row = overview.row_of(down)
            self.band_title.setText(f"{row.name} is down")
            self.band_words.set_whole_text(down.reason)
            self.band.setAccessibleName(f"{row.name} is down: {down.reason}")
        if state.queue is not None:
            lines = [overview.queue_line(depth) for depth in state.queue.queues]
            waiting = [("To be published", f"{state.queue.outbox:,}")] if state.queue.outbox else []
            self.queues.show_lines([*lines, *waiting])
        if state.figures is not None:
            self.figures.show_lines(overview.figure_lines(state.figures))
        if state.lines is not None:
            now = self._now()
            self.events.show_lines(
                [(overview.line_words(line), overview.ago(line.created_at, now)) for line in state.lines]
            )
        self.problem.setText(state.failure)
        self.problem.setVisible(bool(state.failure))
        self.refresh.setEnabled(state.connected)
        read = "" if state.read_at is None else f"Read at {state.read_at.astimezone():%H:%M:%S}"
        old = "Not connected; this is what was known last" if known else "Not connected"
        self.header.set_caption(read if state.connected else old)
        if (
            state.connected
            and state.read_at is None
            and not (state.busy or state.failure)
            and self.isVisible()
        ):
            self.read()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """While it is seen it is read every few seconds."""
        super().showEvent(event)
        self.read()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Nobody looks."""
        super().hideEvent(event)
        self._clock.stop()

    def _open(self, key: str) -> None:
        section = overview.SETTING_OF.get(key)
        if section:
            self._open_setting(section)

    def _lay_out(self, themes: ThemeSource) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(MARGIN, GAP, MARGIN, MARGIN)
        column.setSpacing(GAP)
        band = QHBoxLayout(self.band)
        band.setContentsMargins(16, 10, 16, 10)
        band.setSpacing(8)
        band.addWidget(StateGlyph("down", themes))
        band.addWidget(self.band_title)
        band.addWidget(self.band_words, 1)
        column.addWidget(self.band)
        column.addWidget(self.problem)
        column.addWidget(self._table_card(themes))
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self.queues, 1)
        row.addWidget(self.figures, 1)
        row.addWidget(self.events, 1)
        column.addLayout(row)
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        area.viewport().setAutoFillBackground(False)
        body.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.header)
        whole.addWidget(area, 1)

    def _table_card(self, themes: ThemeSource) -> Card:
        card = Card(themes)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(0, 12, 0, 0)
        inner.setSpacing(4)
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        head.setSpacing(8)
        head.addWidget(Label("Capabilities", themes, "cardTitle"))
        head.addWidget(self.counts, 1)
        inner.addLayout(head)
        waiting = QHBoxLayout()
        waiting.setContentsMargins(16, 0, 16, 12)
        waiting.addWidget(self.waiting)
        inner.addLayout(waiting)
        inner.addWidget(self.table)
        return card
