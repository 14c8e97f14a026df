"""What the overview's presenter asks of the backend, and whom it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from backend_embedded.contract.ledger import AuditLine
    from backend_embedded.contract.queue import QueueStatus
    from backend_embedded.contract.status import SystemStatus


class Overlooked(Protocol):
    """The calls of the backend that tell how it is. Every method raises `ClientError`."""

    async def status(self) -> SystemStatus:
        """The state of each capability."""
        ...

    async def queue(self) -> QueueStatus:
        """The message queues."""
        ...

    async def audit_lines(self, limit: int = 100) -> list[AuditLine]:
        """What was changed by whom, the latest first."""
        ...
