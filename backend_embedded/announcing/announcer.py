"""Publishes what happens outside the database as event messages; what happens in it comes by the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Self

from backend_embedded.bus.port import EventLog
from backend_embedded.contract.events import (
    CapabilityChanged,
    Event,
    ModelsChanged,
    SettingsChanged,
    Snapshot,
)
from backend_embedded.contract.models import Model
from backend_embedded.contract.queue import EventMessage
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.port import MessageQueue

log = logging.getLogger(__name__)

SOURCE = "control_center"
Happening = tuple[str, dict[str, Any]]
"""Event type and data."""


class Announcer:
    """Listens to the event log while it is open (`async with`).

    Args:
        woken: called at every event: a row may have been written with a message in the outbox.
    """

    def __init__(self, events: EventLog, queue: MessageQueue, woken: Callable[[], None]) -> None:
        self._events = events
        self._queue = queue
        self._woken = woken
        self._loaded: frozenset[str] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen(), name="announce events")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        async with aclosing(self._events.subscribe()) as events:
            async for _, event in events:
                self._woken()
                for event_type, data in self.happenings(event):
                    await self._tell(event_type, data)

    def happenings(self, event: Event) -> Iterable[Happening]:
        """What an event of the log says that others may want to hear."""
        match event:
            case Snapshot():
                yield from self._models(event.models)
            case ModelsChanged():
                yield from self._models(event.models)
            case SettingsChanged():
                if event.fields:
                    yield "SETTINGS_CHANGED", {"fields": list(event.fields)}
            case CapabilityChanged():
                facts = event.capability.model_dump(
                    mode="json", include={"name", "state", "provider", "product", "reason"}
                )
                yield "CAPABILITY_CHANGED", facts
            case _:
                return

    def _models(self, models: Iterable[Model]) -> Iterable[Happening]:
        now = frozenset(model.name for model in models if model.loaded)
        before, self._loaded = self._loaded, now
        if before is None:
            return
        for name in sorted(now - before):
            yield "MODEL_LOADED", {"model": name}
        for name in sorted(before - now):
            yield "MODEL_UNLOADED", {"model": name}

    async def _tell(self, event_type: str, data: dict[str, Any]) -> None:
        message = EventMessage(event_type=event_type, source=SOURCE, data=data, timestamp=datetime.now(UTC))
        try:
            await self._queue.publish(f"event.{event_type.lower()}", message)
        except QueueUnavailable as error:
            log.warning("%s could not be announced: %s", event_type, error.message)
        except Exception:
            # The next ones are announced all the same.
            log.warning("%s could not be announced", event_type, exc_info=True)
