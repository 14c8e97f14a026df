"""The theme in use, and who is told when it changes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication

from ui.theme.theme import Theme, theme_of
from ui.theme.tokens import Tokens


class ThemeSource(QObject):
    """Holds the theme and emits `changed(Theme)` after the user or the desktop chose another.

    Args:
        tokens: values of the design.
        choice: `system`, `light` or `dark`.
        scale: factor of the text size.
        reduced_motion: nothing is animated.
    """

    changed = Signal(object)

    def __init__(
        self,
        tokens: Tokens,
        choice: str = "system",
        scale: float = 1.0,
        *,
        reduced_motion: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tokens = tokens
        self._choice = choice
        self._theme = theme_of(tokens, self._resolved(), scale, reduced_motion=reduced_motion)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_desktop)

    @property
    def theme(self) -> Theme:
        """The theme now."""
        return self._theme

    @property
    def choice(self) -> str:
        """What the user chose: `system`, `light` or `dark`."""
        return self._choice

    def choose(
        self, choice: str | None = None, scale: float | None = None, *, reduced_motion: bool | None = None
    ) -> None:
        """Change what is given; everybody is told when the theme is another one then."""
        self._choice = choice or self._choice
        new = theme_of(
            self._tokens,
            self._resolved(),
            self._theme.scale if scale is None else scale,
            reduced_motion=self._theme.reduced_motion if reduced_motion is None else reduced_motion,
        )
        old, self._theme = self._theme, new
        before = (old.name, old.scale, old.reduced_motion)
        if before != (new.name, new.scale, new.reduced_motion):
            self.changed.emit(new)

    def _resolved(self) -> str:
        if self._choice != "system":
            return self._choice
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return "dark" if dark else "light"

    def _follow_desktop(self) -> None:
        if self._choice == "system":
            self.choose()
