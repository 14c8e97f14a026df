"""The part of the scripted backend that is about servers behind it: trying addresses, moving the data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from backend_embedded.contract.data import DataJob, DataWork, JobState, MoveRequest
from backend_embedded.contract.probes import ServiceFound, ServiceKind, ServiceTest

PRODUCTS = {
    ServiceKind.CACHE: ("Redis", "8.0.2"),
    ServiceKind.QUEUE: ("RabbitMQ", "4.1.4"),
    ServiceKind.DATABASE: ("PostgreSQL", "18.6"),
}
BEGAN = datetime(2026, 8, 8, 12, 0, tzinfo=UTC)


class ScriptedServices:
    """Answers in memory.

    Attributes:
        job: of the data; it stands where the test puts it.
    """

    def __init__(self) -> None:
        self.job = DataJob(
            work=DataWork.MOVE, step="Copying messages", done=41_200, total=100_000, began_at=BEGAN
        )

    def _take(self, call: str, argument: Any = None) -> None:
        """Note a call, or refuse it; given by the whole backend."""
        raise NotImplementedError

    async def test_service(self, request: ServiceTest) -> ServiceFound:
        """A server of the kind, always there."""
        self._take("test_service", request)
        product, version = PRODUCTS[request.kind]
        return ServiceFound(kind=request.kind, product=product, version=version, latency_ms=0.42)

    async def move_data(self, request: MoveRequest) -> DataJob:
        """The job as it stands."""
        self._take("move_data", request)
        return self.job

    async def move_data_back(self) -> DataJob:
        """The job as it stands."""
        self._take("move_data_back")
        return self.job

    async def data_job(self) -> DataJob:
        """The job as it stands."""
        self._take("data_job")
        return self.job

    async def cancel_data_job(self) -> DataJob:
        """The job is given up."""
        self._take("cancel_data_job")
        self.job = self.job.model_copy(update={"state": JobState.CANCELLED})
        return self.job
