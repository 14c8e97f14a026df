"""What the settings page's presenter asks of others, and whom it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ui.settings.state import SettingsState


class WindowPreferences(Protocol):
    """What the window remembers of its looks."""

    @property
    def theme(self) -> str:
        """`system`, `light` or `dark`."""
        ...

    @property
    def text_percent(self) -> int:
        """Size of text, 100 is the designed one."""
        ...

    @property
    def reduced_motion(self) -> bool:
        """Nothing is animated."""
        ...


class Preferences(Protocol):
    """Keeps the window's preferences; neither call waits for a file."""

    @property
    def value(self) -> WindowPreferences:
        """The preferences now."""
        ...

    def change(self, **fields: Any) -> None:
        """Change some fields."""
        ...


class SettingsListener(Protocol):
    """One who watches the presenter; called on the loop's thread, must not block."""

    def state_changed(self, state: SettingsState) -> None:
        """Something changed."""
        ...
