"""A place for one error card, which is made anew only when its words are others."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.models.state import Failure
from ui.theme import ThemeSource
from ui.widgets import ErrorCard
from ui.widgets.cards import CardAction


class FailurePlace(QWidget):
    """Empty and hidden until there is a failure.

    Args:
        themes: where the theme comes from.
        actions: buttons of the card.
    """

    def __init__(
        self, themes: ThemeSource, actions: Sequence[CardAction] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._themes, self._actions = themes, actions
        self._shown: Failure | None = None
        self.card: ErrorCard | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_failure(self, failure: Failure | None) -> None:
        """Show this, or nothing; the keyboard keeps its place while the words are the same."""
        if failure == self._shown:
            return
        self._shown = failure
        if self.card is not None:
            self.card.hide()
            self.card.deleteLater()
            self.card = None
        if failure is not None:
            lines = [failure.line] if failure.line else []
            self.card = ErrorCard(failure.title, lines, self._actions, self._themes)
            self._column.addWidget(self.card)
        self.setVisible(failure is not None)
