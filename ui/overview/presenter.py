"""Keeps the overview true: capabilities by the event stream, queues and events by reading."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backend_embedded.contract.events import CapabilityChanged, Snapshot
from ui.client.port import ClientError
from ui.overview.state import OverviewState
from ui.watched_state import WatchedState

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend_embedded.contract.events import Event
    from ui.overview.port import Overlooked

LINES = 8


class OverviewPresenter(WatchedState[OverviewState]):
    """Knows no Qt.

    Args:
        backend: what is looked at.
        now: the time.
    """

    def __init__(self, backend: Overlooked, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(OverviewState())
        self._backend = backend
        self._now = now

    async def read(self) -> None:
        """Read all anew; what was known stays while it is read, and when it cannot be."""
        if self._state.busy or not self._state.connected:
            return
        self._change(busy=True)
        try:
            status = await self._backend.status()
            queue = await self._backend.queue()
            lines = await self._backend.audit_lines(LINES)
        except ClientError as error:
            self._change(busy=False, failure=error.body.message)
        else:
            self._change(
                busy=False,
                failure="",
                capabilities=status.capabilities,
                figures=status.figures,
                queue=queue,
                lines=tuple(lines),
                read_at=self._now(),
            )

    def event_arrived(self, event: Event) -> None:
        """Follow the capabilities."""
        match event:
            case Snapshot():
                self._change(connected=True, capabilities=event.status.capabilities)
            case CapabilityChanged():
                others = [c for c in self._state.capabilities or () if c.name != event.capability.name]
                self._change(capabilities=(*others, event.capability))
            case _:
                pass

    def connection_changed(self, connected: bool) -> None:
        """The event stream was cut or is back."""
        if connected != self._state.connected:
            self._change(connected=connected)
