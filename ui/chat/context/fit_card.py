"""The choice, in place, of what to do when a question does not fit in the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.context import ContextPolicy
from ui.chat.context import meter_state
from ui.widgets import CheckBox, GhostButton, Label, SecondaryButton
from ui.widgets.cards import Card

if TYPE_CHECKING:
    from backend_embedded.contract.context import ContextUse
    from ui.chat.state import ChatState
    from ui.theme import ThemeSource


class FitCard(QWidget):
    """Shown over the composer; what is chosen holds for the conversation, or once."""

    chosen = Signal(object)
    chosen_once = Signal(object)
    closed = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._shown: ContextUse | None = None
        self.card: Card | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_state(self, state: ChatState) -> None:
        """Show the choice when something does not fit, or when it was asked for."""
        use = state.context if state.context and (state.does_not_fit or state.fit_asked) else None
        if use != self._shown:
            self._shown = use
            if self.card is not None:
                self._column.removeWidget(self.card)
                self.card.hide()
                self.card.deleteLater()
                self.card = None
            if use is not None:
                self.card = self._make(use)
                self._column.addWidget(self.card)
        self.setVisible(use is not None)

    def _make(self, use: ContextUse) -> Card:
        themes = self._themes
        over = not use.fits
        card = Card(themes, "degradedSoft" if over else "card", "degraded" if over else "border")
        title = "This does not fit in the context" if over else "When the context is full"
        card.setAccessibleName(title)
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(Label(title, themes, "strong"), 1)
        if not over:
            close = GhostButton("Close", themes, small=True)
            close.clicked.connect(self.closed)
            head.addWidget(close)
        column.addLayout(head)
        if over:
            column.addWidget(Label(meter_state.overflow(use), themes, tone="text2", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for row, choice in enumerate(meter_state.choices(use)):
            button = SecondaryButton(choice.title, themes)
            button.setEnabled(choice.usable or not over)
            button.clicked.connect(lambda _=False, policy=choice.policy: self._choose(policy))
            line = Label(choice.line, themes, "caption", "text2", wrap=True)
            button.setAccessibleDescription(choice.line)
            grid.addWidget(button, row, 0)
            grid.addWidget(line, row, 1)
        column.addLayout(grid)
        self.once = CheckBox("Only for this question", themes)
        self.once.setVisible(over)
        column.addWidget(self.once)
        return card

    def _choose(self, policy: ContextPolicy) -> None:
        once = self.once.isChecked() and policy is not ContextPolicy.ASK
        (self.chosen_once if once else self.chosen).emit(policy)
