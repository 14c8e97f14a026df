"""The buttons of the design."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFocusEvent, QPaintEvent
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from ui.theme import Theme, ThemeSource
from ui.theme.icons import icon as drawn_icon
from ui.theme.icons import spaced_icon
from ui.widgets.focus import came_by_keyboard, paint_ring

ICON_WITH_AIR = QSize(20, 16)
TOKENS = {"primary": "onAccent", "secondary": "text2", "danger": "down", "ghost": "text2"}


def tip(name: str, shortcut: str, theme: Theme) -> str:
    """Tooltip of a button: its name, then its shortcut in a quieter tone."""
    if not shortcut:
        return name
    return f'{name}&nbsp;&nbsp;<span style="color:{theme.hex("text3")}">{shortcut}</span>'


class TextButton(QPushButton):
    """A push button with a word, and an icon when one is given.

    Args:
        text: verb first.
        themes: where the theme comes from.
        icon: name of an icon, or empty.
        small: 24 instead of 28 high.
    """

    kind = "secondary"

    def __init__(
        self,
        text: str,
        themes: ThemeSource,
        icon: str = "",
        *,
        small: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._icon = icon
        self._theme = themes.theme
        self._ring = False
        self.setProperty("kind", self.kind)
        self.setProperty("small", small)
        self.setProperty("iconed", bool(icon))
        self.setAutoDefault(False)
        self._use(themes.theme)
        themes.changed.connect(self._use)

    def set_icon(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self._use(self._theme)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The button, and the ring over it."""
        super().paintEvent(event)
        if self._ring:
            paint_ring(self, self._theme)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("control"))
        if self._icon:
            self.setIcon(spaced_icon(self._icon, TOKENS[self.kind], theme))
            self.setIconSize(ICON_WITH_AIR)


class PrimaryButton(TextButton):
    """The one main action of a view."""

    kind = "primary"


class SecondaryButton(TextButton):
    """Any other action."""


class DangerButton(TextButton):
    """An action that takes something away."""

    kind = "danger"


class GhostButton(TextButton):
    """An action without a box, for quiet places."""

    kind = "ghost"


class IconButton(QToolButton):
    """A button that is only an icon; its name is spoken and shown as tooltip.

    Args:
        icon: name of the icon.
        name: accessible name, verb first.
        themes: where the theme comes from.
        size: of the icon in pixels.
        box: side of the button in pixels, at least 24.
        shortcut: shown in the tooltip.
        token: colour of the idle icon.
    """

    def __init__(
        self,
        icon: str,
        name: str,
        themes: ThemeSource,
        *,
        size: int = 16,
        box: int = 28,
        shortcut: str = "",
        token: str = "text2",
        checkable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        if not name:
            raise ValueError("an icon button needs a name")
        super().__init__(parent)
        self._icon, self._size, self._token = icon, size, token
        self._shortcut = shortcut
        self._theme = themes.theme
        self._ring = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedSize(box, box)
        self.setIconSize(QSize(size, size))
        self.setCheckable(checkable)
        self.set_name(name)
        self._use(themes.theme)
        themes.changed.connect(self._use)
        self.toggled.connect(lambda _: self._use(self._theme))

    def set_name(self, name: str) -> None:
        """Change the accessible name and the tooltip."""
        self.setAccessibleName(name)
        self.setToolTip(tip(name, self._shortcut, self._theme))

    def set_icon(self, icon: str, token: str | None = None) -> None:
        """Show another icon."""
        self._icon = icon
        self._token = token or self._token
        self._use(self._theme)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The button, and the ring over it."""
        super().paintEvent(event)
        if self._ring:
            paint_ring(self, self._theme)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        token = "accent" if self.isChecked() else self._token
        self.setIcon(drawn_icon(self._icon, token, self._size, theme))
        self.setToolTip(tip(self.accessibleName(), self._shortcut, theme))
