"""What Esc closes or stops: the nearest thing first."""

from __future__ import annotations

from collections.abc import Callable


class EscStack:
    """Asked from the last added to the first; the first that says it did something ends the search."""

    def __init__(self) -> None:
        self._handlers: list[Callable[[], bool]] = []

    def add(self, handler: Callable[[], bool]) -> None:
        """Add a handler that says whether there was something to close or stop."""
        self._handlers.append(handler)

    def remove(self, handler: Callable[[], bool]) -> None:
        """Take a handler away."""
        if handler in self._handlers:
            self._handlers.remove(handler)

    def press(self) -> bool:
        """Esc was pressed; says whether somebody did something."""
        return any(handler() for handler in reversed(self._handlers))
