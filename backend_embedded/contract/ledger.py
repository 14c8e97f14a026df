"""What was changed by whom, and what is set for the whole system, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from backend_embedded.contract.json_values import JsonValue
from backend_embedded.contract.wire import Wire


class AuditLine(Wire):
    """One change."""

    id: UUID
    created_at: datetime
    actor: str
    """`user`, or the name of the agent or part of the program that did it."""
    user_id: UUID | None = None
    action: str
    """`created`, `changed`, `cancelled`, `removed` and the like."""
    entity: str
    """`task`, `agent`, `config`."""
    entity_id: str = ""
    correlation_id: str = ""
    before: Any = None
    """The fields that changed, as they were."""
    after: Any = None
    """The fields that changed, as they are since."""


class ConfigEntry(Wire):
    """One value that is set for the whole system."""

    id: UUID
    key: str
    value: Any = None
    description: str = ""
    version: int = 1
    """Counts its changes."""
    created_at: datetime
    updated_at: datetime


class ConfigPut(Wire):
    """Body of `PUT /api/v1/config/{key}`."""

    value: JsonValue
    description: str | None = Field(None, max_length=10_000)
    version: int | None = Field(None, ge=0)
    """Only if the entry has this version (0: only if there is none); absent: whatever it has."""
