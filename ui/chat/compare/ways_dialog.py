"""The question which models, or which settings of one, are to answer side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout

from ui.chat.compare.compare_state import LEAST, MOST, Way
from ui.widgets import Choice, Label, PrimaryButton, SecondaryButton

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ui.chat.state import ChatState
    from ui.theme import ThemeSource

TEMPERATURES = ((None, "As in this chat"), (0.0, "Temperature 0"), (0.4, "0.4"), (0.7, "0.7"), (1.0, "1.0"))
WIDTH = 440


class WaysDialog(QDialog):
    """Up to four rows of model and temperature; rows without a model are left out."""

    chosen = Signal(tuple)

    def __init__(self, state: ChatState, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare answers")
        self.setFixedWidth(WIDTH)
        self._state = state
        usable = [m for m in state.talkers if m.problem is None]
        options: list[tuple[object, str]] = [(m.name, m.title) for m in usable]
        grid = QGridLayout()
        grid.setSpacing(8)
        grid.setColumnStretch(0, 1)
        self.models: list[Choice] = []
        self.temperatures: list[Choice] = []
        for place in range(MOST):
            offered = options if place < LEAST else [(None, "None"), *options]
            model = Choice(f"Model {place + 1}", offered, themes)
            if place < LEAST and usable:
                model.choose(usable[place % len(usable)].name)
            heat = Choice(f"Temperature of answer {place + 1}", TEMPERATURES, themes)
            if place == 1 and len(usable) == 1:
                heat.choose(0.0)
            grid.addWidget(model, place, 0)
            grid.addWidget(heat, place, 1)
            self.models.append(model)
            self.temperatures.append(heat)
        cancel = SecondaryButton("Cancel", themes)
        cancel.clicked.connect(self.reject)
        ask = PrimaryButton("Ask side by side", themes)
        ask.clicked.connect(self.accept)
        ask.setDefault(True)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(Label("Which models should answer this question?", themes, "cardTitle"))
        column.addLayout(grid)
        column.addLayout(foot)
        self.accepted.connect(lambda: self.chosen.emit(self.ways()))

    def ways(self) -> tuple[Way, ...]:
        """What is chosen."""
        made: list[Way] = []
        for model, heat in zip(self.models, self.temperatures, strict=True):
            name, value = model.currentData(), heat.currentData()
            if name is None:
                continue
            options = self._state.settings.options
            chosen = None if value is None else options.model_copy(update={"temperature": value})
            title = self._state.model_title(name) + ("" if value is None else f", temperature {value:g}")
            made.append(Way(name, title, chosen))
        return tuple(made)
