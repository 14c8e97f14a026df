"""Keeps the overview true: capabilities by the event stream, queues and events by reading."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.events import CapabilityChanged, Snapshot
from ui.client.port import ClientError
from ui.overview.state import OverviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from backend_embedded.contract.events import Event
    from ui.overview.port import Overlooked, OverviewListener

LINES = 8


class OverviewPresenter:
    """Knows no Qt.

    Args:
        backend: what is looked at.
        now: the time.
    """

    def __init__(self, backend: Overlooked, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._backend = backend
        self._now = now
        self._state = OverviewState()
        self._listeners: list[OverviewListener] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> OverviewState:
        """What the page shows now."""
        return self._state

    def listen(self, listener: OverviewListener) -> None:
        """Tell this one of every change from now on."""
        self._listeners.append(listener)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do some of this object's work as a task that `close` ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End all work."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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

    def _change(self, **fields: Any) -> None:
        self._state = replace(self._state, **fields)
        for listener in self._listeners:
            listener.state_changed(self._state)
