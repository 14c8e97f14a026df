"""Tasks on the wire: work that an agent does, step by step from `pending` to an end."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from backend_embedded.contract.json_values import JsonObject
from backend_embedded.contract.wire import Wire


class TaskStatus(StrEnum):
    """Where a task stands. The last three are ends."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})


class Task(Wire):
    """One piece of work."""

    id: UUID
    agent_id: UUID | None = None
    user_id: UUID | None = None
    parent_id: UUID | None = None
    """The task that this one is a part of."""
    type: str | None = None
    status: TaskStatus = TaskStatus.PENDING
    priority: int = 5
    """1 to 10; 10 is done first."""
    payload: Any = None
    result: Any = None
    error: Any = None
    attempts: int = 0
    """How often it was begun."""
    correlation_id: str = ""
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None


class TaskCreate(Wire):
    """Body of `POST /api/v1/tasks`."""

    type: str = Field(min_length=1, max_length=50)
    payload: JsonObject = Field(default_factory=dict)
    priority: int = Field(5, ge=1, le=10)
    agent_id: UUID | None = None
    """The agent that is to do it; absent: whoever can."""
    parent_id: UUID | None = None
    user_id: UUID | None = None


class TaskPatch(Wire):
    """Body of `PATCH /api/v1/tasks/{id}` of one that has not ended; a field that is absent is left alone."""

    priority: int | None = Field(None, ge=1, le=10)
    agent_id: UUID | None = None
    payload: JsonObject | None = None
    """Only of one that is still pending."""


class TaskStep(Wire):
    """One change of a task's status."""

    id: UUID
    task_id: UUID
    agent_id: UUID | None = None
    from_status: TaskStatus | None = None
    """None: it was made."""
    to_status: TaskStatus
    message: str = ""
    created_at: datetime
