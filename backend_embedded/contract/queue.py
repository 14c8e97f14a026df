"""The messages that parts of the system send each other (specification section 7), and the state of queues."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from backend_embedded.contract.json_values import JsonObject
from backend_embedded.contract.wire import Wire


class QueueName(StrEnum):
    """The queues of the specification."""

    TASK = "task.queue"
    RESULT = "result.queue"
    EVENT = "event.queue"
    DEAD = "dlq.queue"
    """Where a message goes that was rejected, or was tried too often."""


class TaskMessage(Wire):
    """Work for an agent; routing keys `task.*`."""

    id: UUID
    type: str = "PROCESS"
    payload: JsonObject = Field(default_factory=dict)
    timestamp: datetime
    correlation_id: UUID
    retry_count: int = Field(0, ge=0)


class ResultStatus(StrEnum):
    """How a task ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class ResultMessage(Wire):
    """What came of a task; routing keys `result.*`."""

    task_id: UUID
    status: ResultStatus
    result: JsonObject = Field(default_factory=dict)
    error: JsonObject | str | None = None
    processing_time_ms: int = Field(0, ge=0)


class EventMessage(Wire):
    """Something happened; routing keys `event.*`."""

    event_type: str = Field(min_length=1)
    """In the style of `AGENT_STATUS_CHANGE`."""
    source: str
    """Name of the agent or part that it happened in."""
    data: JsonObject = Field(default_factory=dict)
    timestamp: datetime


class DeadReason(StrEnum):
    """Why a message is a dead letter; RabbitMQ's words."""

    REJECTED = "rejected"
    DELIVERY_LIMIT = "delivery_limit"
    EXPIRED = "expired"
    MAXLEN = "maxlen"


class DeadLetter(Wire):
    """A message that nobody could handle."""

    id: str
    """The message's id."""
    queue: str
    """Where it was before."""
    routing_key: str
    body: Any
    """The JSON value; a text when the body is none."""
    reason: str
    """One of `DeadReason`, or what else the broker says."""
    deliveries: int | None = None
    """How often it was handed out, as far as that is known."""
    published_at: datetime | None = None
    died_at: datetime | None = None
    headers: dict[str, Any] = Field(default_factory=dict)
    """Its headers; `x-death` tells its deaths as RabbitMQ does."""
    provider: str = "embedded"
    """Who keeps it: `embedded` or `rabbitmq`."""


class DeadLetterSend(Wire):
    """Body of `POST /api/v1/queue/dead-letters/{id}/send`."""

    body: dict[str, Any] | None = None
    """The message to send instead; absent: as it was."""
    routing_key: str | None = None
    """Absent: as it was."""


class Sent(Wire):
    """A dead letter was sent again."""

    message_id: UUID
    """Another one than before when it was changed."""


class QueueDepth(Wire):
    """One queue now."""

    name: QueueName
    ready: int
    """Messages that wait for a consumer."""
    unacknowledged: int
    """Messages that this program has taken and not finished."""
    consumers: int
    published_per_s: float = 0
    """By this program, over the last ten seconds."""
    handled_per_s: float = 0


class QueueStatus(Wire):
    """Answer of `GET /api/v1/queue`."""

    provider: str
    product: str
    queues: tuple[QueueDepth, ...]
    outbox: int
    """Messages that are written with their rows and not published yet."""
