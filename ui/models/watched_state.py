"""The state of the models page, those who watch it, and the tasks that change it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ui.models.state import Failure, ModelsState

if TYPE_CHECKING:
    from backend_embedded.contract.errors import ErrorBody
    from ui.models.port import ModelsListener


class WatchedState:
    """Tells every listener of every change; knows no Qt."""

    def __init__(self) -> None:
        self._state = ModelsState()
        self._listeners: list[ModelsListener] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> ModelsState:
        """What the page shows now."""
        return self._state

    def listen(self, listener: ModelsListener) -> None:
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
        self._state = replace(self._state, **fields)
        for listener in self._listeners:
            listener.state_changed(self._state)


def failure(title: str, body: ErrorBody) -> Failure:
    """A refused call in words."""
    return Failure(title, " ".join(part for part in (body.message, body.remedy) if part))
