"""The consumer of the event queue that writes the audit trail."""

from __future__ import annotations

import asyncio
import logging
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from backend_embedded.contract.queue import EventMessage
from backend_embedded.errors import InvalidInput, StorageUnavailable
from backend_embedded.queue.port import Delivery, Outcome

log = logging.getLogger(__name__)

CONSUMER = "audit trail"
PAUSE_S = 1.0
"""Between two tries while the database is gone: the message is held, not given back until it is a dead letter."""

LINES = MappingProxyType(
    {
        "CONVERSATION_CREATED": ("created", "conversation", "conversation_id"),
        "CONVERSATION_REMOVED": ("removed", "conversation", "conversation_id"),
        "MODEL_LOADED": ("loaded", "model", "model"),
        "MODEL_UNLOADED": ("unloaded", "model", "model"),
        "SETTINGS_CHANGED": ("changed", "settings", ""),
        "CAPABILITY_CHANGED": ("changed", "capability", "name"),
    }
)
"""Action, entity, and where its id is. What changes in the database otherwise writes its line itself."""


class Trail(Protocol):
    """The audit log, for who writes it from messages."""

    async def keep(
        self, message_id: UUID, consumer: str, event: EventMessage, action: str, entity: str, entity_id: str
    ) -> bool:
        """Write a line, unless this consumer has heeded this message before."""
        ...


class AuditTrail:
    """Handles the messages of the event queue."""

    def __init__(self, trail: Trail, pause_s: float = PAUSE_S) -> None:
        self._trail = trail
        self._pause_s = pause_s

    async def __call__(self, delivery: Delivery) -> Outcome:
        """Write the line of an event that has one."""
        event = delivery.message()
        if not isinstance(event, EventMessage):
            raise InvalidInput(f"{delivery.routing_key} is no event.")
        line = LINES.get(event.event_type)
        if line is None:
            return Outcome.ACK
        action, entity, named = line
        entity_id = str(event.data.get(named, ""))
        while True:
            try:
                await self._trail.keep(delivery.message_id, CONSUMER, event, action, entity, entity_id)
            except StorageUnavailable as error:
                log.info("The audit trail waits for the store: %s", error.message)
                await asyncio.sleep(self._pause_s)
            else:
                return Outcome.ACK
