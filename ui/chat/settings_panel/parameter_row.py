"""One sampling parameter: name, number, slider, meaning, and a way back to the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from ui.chat.settings_panel.parameters import HIGHEST_SEED
from ui.widgets import IconButton, Label
from ui.widgets.inputs import set_invalid

if TYPE_CHECKING:
    from ui.chat.settings_panel.parameters import Parameter
    from ui.theme import Theme, ThemeSource

FIELD_WIDTH = 84
STEPS = 1000


class ParameterRow(QWidget):
    """Emits `changed(field, value)` when another value is taken; None is no value."""

    changed = Signal(str, object)

    def __init__(self, parameter: Parameter, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self._value: float | None = parameter.default
        self.setToolTip(parameter.help)
        self.field = QLineEdit()
        self.field.setAccessibleName(parameter.title)
        self.field.setAccessibleDescription(parameter.help)
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setValidator(QDoubleValidator(self))
        self.field.setPlaceholderText(parameter.nothing.capitalize())
        self.field.editingFinished.connect(self._typed)
        self.reset = IconButton("undo-2", f"Reset {parameter.title}", themes, size=14, box=24)
        self.reset.clicked.connect(lambda: self._take(parameter.default))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(Label(parameter.title, themes), 1)
        row.addWidget(self.reset)
        row.addWidget(self.field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        self.slider: QSlider | None = None
        if parameter.high < HIGHEST_SEED and not parameter.nothing:
            self.slider = QSlider(Qt.Orientation.Horizontal)
            self.slider.setAccessibleName(f"{parameter.title}, slider")
            self.slider.setRange(0, STEPS)
            self.slider.setSingleStep(
                max(1, round(STEPS * parameter.step / (parameter.high - parameter.low)))
            )
            self.slider.valueChanged.connect(self._slid)
            self.slider.sliderReleased.connect(lambda: self._take(self._value))
            column.addWidget(self.slider)
        column.addWidget(Label(parameter.help, themes, "caption", "text3", wrap=True))
        self.show_value(self._value)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def _use(self, theme: Theme) -> None:
        self.field.setFixedWidth(theme.scaled(FIELD_WIDTH))
        self.field.setFont(theme.font("body", numbers=True))

    def show_value(self, value: float | None) -> None:
        """Show this value in silence."""
        self._value = value
        self.field.setText("" if value is None else self.parameter.words(value))
        set_invalid(self.field, False)
        self.reset.setEnabled(value != self.parameter.default)
        if self.slider is not None and value is not None:
            share = (value - self.parameter.low) / (self.parameter.high - self.parameter.low)
            blocked = self.slider.blockSignals(True)
            self.slider.setValue(round(share * STEPS))
            self.slider.blockSignals(blocked)

    def _slid(self, place: int) -> None:
        low, high, step = self.parameter.low, self.parameter.high, self.parameter.step
        value = low + round((place / STEPS) * (high - low) / step) * step
        self._value = value
        self.field.setText(self.parameter.words(value))
        if self.slider is not None and not self.slider.isSliderDown():
            self._take(value)

    def _typed(self) -> None:
        text = self.field.text().strip().replace(",", ".")
        if not text and self.parameter.nothing:
            self._take(None)
            return
        try:
            value = float(text)
        except ValueError:
            set_invalid(self.field, True)
            return
        if not self.parameter.low <= value <= self.parameter.high:
            set_invalid(self.field, True)
            return
        if self.parameter.words(value) != self.parameter.words(self._value):
            self._take(value)
        else:
            set_invalid(self.field, False)

    def _take(self, value: float | None) -> None:
        self.show_value(value)
        self.changed.emit(self.parameter.field, value)
