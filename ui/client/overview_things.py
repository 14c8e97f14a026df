"""Calls for the overview: the message queues and the audit log."""

from __future__ import annotations

from pydantic import TypeAdapter

from backend_embedded.contract.envelope import Success
from backend_embedded.contract.ledger import AuditLine
from backend_embedded.contract.queue import QueueStatus
from ui.client.calls import Calls

_queue = TypeAdapter(Success[QueueStatus])
_lines = TypeAdapter(Success[list[AuditLine]])


class OverviewThings(Calls):
    """These calls; see `ui.overview.port`."""

    async def queue(self) -> QueueStatus:
        """The message queues."""
        return (await self._call("GET", "/api/v1/queue", _queue)).data

    async def audit_lines(self, limit: int = 100) -> list[AuditLine]:
        """What was changed by whom, the latest first."""
        return (await self._call("GET", "/api/v1/audit-logs", _lines, query={"limit": limit})).data
