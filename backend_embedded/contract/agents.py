"""Agents on the wire: who can do what, and how each of them does."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from backend_embedded.contract.json_values import JsonObject
from backend_embedded.contract.wire import Wire


class AgentStatus(StrEnum):
    """How an agent does."""

    INACTIVE = "inactive"
    """It does not run."""
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Agent(Wire):
    """One agent."""

    id: UUID
    name: str
    type: str | None = None
    """`processor`, `coordinator` or `optimizer`."""
    status: AgentStatus = AgentStatus.INACTIVE
    port: int | None = None
    capabilities: tuple[str, ...] = ()
    description: str = ""
    enabled: bool = True
    """False: it is given no work."""
    load: float = 0.0
    """Share of its time that it worked lately, 0 to 1."""
    last_seen_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class AgentCreate(Wire):
    """Body of `POST /api/v1/agents`; an agent that starts makes itself known with it."""

    name: str = Field(min_length=1, max_length=100)
    type: str | None = Field(None, max_length=50)
    port: int | None = Field(None, ge=1, le=65_535)
    capabilities: tuple[str, ...] = ()
    description: str = Field("", max_length=10_000)


class AgentPatch(Wire):
    """Body of `PATCH /api/v1/agents/{id}`; a field that is absent is left alone."""

    enabled: bool | None = None
    description: str | None = Field(None, max_length=10_000)
    capabilities: tuple[str, ...] | None = None


class AgentSeen(Wire):
    """What an agent tells of itself now and then."""

    status: AgentStatus = AgentStatus.HEALTHY
    load: float = Field(0.0, ge=0, le=1)
    facts: JsonObject = Field(default_factory=dict)
