"""The part of the scripted backend that the overview looks at: queues and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from backend_embedded.contract.ledger import AuditLine
from backend_embedded.contract.queue import QueueDepth, QueueName, QueueStatus
from backend_embedded.contract.status import Capability, Figures, State

SINCE = datetime(2026, 8, 8, 9, 42, tzinfo=UTC)
QUEUES = QueueStatus(
    provider="embedded",
    product="SQLite 3.40.1",
    queues=(
        QueueDepth(name=QueueName.TASK, ready=12, unacknowledged=3, consumers=4, handled_per_s=2.4),
        QueueDepth(name=QueueName.RESULT, ready=0, unacknowledged=0, consumers=1),
        QueueDepth(name=QueueName.EVENT, ready=0, unacknowledged=1, consumers=1, handled_per_s=0.6),
        QueueDepth(name=QueueName.DEAD, ready=2, unacknowledged=0, consumers=0),
    ),
    outbox=1,
)


def capability(name: str, product: str, **more: Any) -> Capability:
    """One that is well, unless it is told otherwise."""
    fields: dict[str, Any] = {"provider": "embedded", "since": SINCE, "state": State.OK}
    return Capability(name=name, product=product, **(fields | more))


CAPABILITIES = (
    capability("model", "llama.cpp · TinyLlama 1.1B", latency_ms=41.2, holds="1 model, 638 MB"),
    capability("store", "SQLite 3.40.1", latency_ms=0.31, holds="214 conversations, 18 tasks, 12.4 MB"),
    capability("cache", "in-process cache", latency_ms=0.01, holds="1,032 values, 18.0 MB"),
    capability("queue", "SQLite 3.40.1", latency_ms=0.62, holds="16 messages, 2 dead letters"),
    capability("events", "in-process event log"),
)
DEGRADED = CAPABILITIES[3].model_copy(
    update={"state": State.DEGRADED, "reason": "RabbitMQ refused the connection at 127.0.0.1:10007"}
)
DOWN = CAPABILITIES[1].model_copy(
    update={
        "provider": "PostgreSQL",
        "product": "PostgreSQL 18.6",
        "state": State.DOWN,
        "reason": "PostgreSQL at 127.0.0.1:10000 does not answer; nothing can be stored until it does.",
    }
)


def line(number: int, action: str, entity: str, entity_id: str, ago: timedelta, now: datetime) -> AuditLine:
    """One line of the audit log."""
    return AuditLine(
        id=UUID(int=number),
        created_at=now - ago,
        actor="user",
        action=action,
        entity=entity,
        entity_id=entity_id,
    )


def lines(now: datetime) -> list[AuditLine]:
    """Some of the last hours."""
    return [
        line(1, "changed", "capability", "queue", timedelta(seconds=20), now),
        line(2, "loaded", "model", "tinyllama", timedelta(minutes=14), now),
        line(3, "created", "conversation", "6f9c", timedelta(minutes=31), now),
        line(4, "changed", "settings", "", timedelta(hours=5), now),
        line(5, "cancelled", "task", "91aa", timedelta(days=2), now),
    ]


class ScriptedOverview:
    """Answers in memory.

    Attributes:
        queues, audit, figures: what is answered.
    """

    def __init__(self) -> None:
        self.queues = QUEUES
        self.figures = Figures(
            requests=1_284,
            errors=3,
            retries=2,
            breakers={"ollama": "closed", "cache": "closed", "queue": "open"},
        )
        self.audit: list[AuditLine] = []

    def _take(self, call: str, argument: Any = None) -> None:
        """Note a call, or refuse it; given by the whole backend."""
        raise NotImplementedError

    async def queue(self) -> QueueStatus:
        """The message queues."""
        self._take("queue")
        return self.queues

    async def audit_lines(self, limit: int = 100) -> list[AuditLine]:
        """The latest lines."""
        self._take("audit_lines", limit)
        return self.audit[:limit]
