"""The band over a page while the backend is lost."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.buttons import SecondaryButton
from ui.widgets.glyphs import StateGlyph
from ui.widgets.labels import ElidedLabel


class Banner(QWidget):
    """One line with a glyph, the words, and buttons; emits `pressed(words)` of a button.

    Args:
        themes: where the theme comes from.
        buttons: words of the buttons, all hidden at first but the first.
    """

    pressed = Signal(str)

    def __init__(
        self, themes: ThemeSource, buttons: tuple[str, ...] = ("Try now",), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._state = "degraded"
        self._glyph = StateGlyph("degraded", themes)
        self._words = ElidedLabel("", themes)
        self._buttons = {words: SecondaryButton(words, themes) for words in buttons}
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(self._glyph)
        row.addWidget(self._words, 1)
        for place, (words, button) in enumerate(self._buttons.items()):
            button.setVisible(place == 0)
            button.clicked.connect(lambda _=False, words=words: self.pressed.emit(words))
            row.addWidget(button)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def say(self, words: str, state: str = "degraded") -> None:
        """Show words in the tint of a state, `degraded` or `down`."""
        self._state = state
        self._glyph.set_state(state)
        self._words.set_whole_text(words)
        self.setAccessibleName(words)
        self.update()

    def words(self) -> str:
        """What it says."""
        return self._words.whole_text()

    def offer(self, button: str, offered: bool = True) -> None:
        """Show or hide one of the buttons."""
        self._buttons[button].setVisible(offered)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The tint."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color(f"{self._state}Soft"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(theme.scaled(40))
        self.update()
