"""The states of all capabilities as the status bar shows them, the backend's own loss included."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backend_embedded.contract.status import Capability, State

LOST = "There is no connection to the backend."


class CapabilityBoard:
    """Keeps the last state of each capability.

    Args:
        show: shows them all, after each change.
    """

    def __init__(self, show: Callable[[Sequence[Capability]], None]) -> None:
        self._show = show
        self._known: dict[str, Capability] = {}
        self._connected = False

    def show(self, capabilities: Sequence[Capability]) -> None:
        """Take new states."""
        self._connected = True
        self._known |= {capability.name: capability for capability in capabilities}
        self._refresh()

    def connection_changed(self, connected: bool) -> None:
        """While the backend is lost all that it serves is down."""
        self._connected = connected
        self._refresh()

    def state_of(self, name: str) -> State | None:
        """The state of one; None while it is not known."""
        known = self._known.get(name)
        return known.state if known is not None and self._connected else None

    def _refresh(self) -> None:
        lost = {"state": State.DOWN, "reason": LOST}
        self._show([one if self._connected else one.model_copy(update=lost) for one in self._known.values()])
