"""Calls for jobs with the whole of the data: moving it, backups, checks."""

from __future__ import annotations

from pydantic import TypeAdapter

from backend_embedded.contract.data import DataJob, FileRequest, MoveRequest
from backend_embedded.contract.envelope import Success
from ui.client.calls import Calls

_job = TypeAdapter(Success[DataJob])

DATA = "/api/v1/data"


class DataThings(Calls):
    """These calls. Each but the last two begins a job, whose progress `data_job` tells; all raise ClientError."""

    async def move_data(self, request: MoveRequest) -> DataJob:
        """Copy everything to PostgreSQL and use that from then on."""
        return (await self._call("POST", f"{DATA}/move", _job, body=request)).data

    async def move_data_back(self) -> DataJob:
        """Copy everything into the file of the home again."""
        return (await self._call("POST", f"{DATA}/back", _job)).data

    async def back_up_data(self, request: FileRequest) -> DataJob:
        """Write everything to a file."""
        return (await self._call("POST", f"{DATA}/backup", _job, body=request)).data

    async def restore_data(self, request: FileRequest) -> DataJob:
        """Put a backup in the place of all that is there."""
        return (await self._call("POST", f"{DATA}/restore", _job, body=request)).data

    async def check_data(self) -> DataJob:
        """Look whether the data is whole."""
        return (await self._call("POST", f"{DATA}/check", _job)).data

    async def data_job(self) -> DataJob:
        """The job that runs, or the last one."""
        return (await self._call("GET", f"{DATA}/job", _job)).data

    async def cancel_data_job(self) -> DataJob:
        """Have the job that runs leave everything as it was."""
        return (await self._call("POST", f"{DATA}/job/cancel", _job)).data
