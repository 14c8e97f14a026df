"""A page's state, those who watch it, and the tasks that change it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

StateT = TypeVar("StateT")
StateT_contra = TypeVar("StateT_contra", contravariant=True)


class Listener(Protocol[StateT_contra]):
    """A page, as its presenter sees it."""

    def state_changed(self, state: StateT_contra, /) -> None:
        """Show another state."""
        ...


class WatchedState(Generic[StateT]):
    """Tells every listener of every change; knows no Qt.

    Args:
        state: a frozen dataclass, what the page shows at first.
    """

    def __init__(self, state: StateT) -> None:
        self._state = state
        self._listeners: list[Listener[StateT]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> StateT:
        """What the page shows now."""
        return self._state

    def listen(self, listener: Listener[StateT]) -> None:
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

    def _change(self, **fields: Any) -> None:
        self._state = replace(self._state, **fields)  # type: ignore[type-var]
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.state_changed(self._state)
