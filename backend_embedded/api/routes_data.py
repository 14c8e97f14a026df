"""Jobs with the whole of the data: moving it, backups, checks."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from pathlib import Path

from fastapi import APIRouter, Request, Response

from backend_embedded.addresses import whole
from backend_embedded.api.answers import success
from backend_embedded.contract.data import DataJob, FileRequest, MoveRequest
from backend_embedded.contract.envelope import Success
from backend_embedded.settings import SettingsFile
from backend_embedded.storage.moving import DataJobs


def routes(jobs: DataJobs, settings: SettingsFile) -> APIRouter:
    """The routes of jobs with the data; each begins one, whose progress `job` tells."""
    router = APIRouter(prefix="/api/v1/data", tags=["data"])

    @router.get("/job", response_model=Success[DataJob])
    async def job(request: Request) -> Response:
        """The job that runs, or the last one."""
        return success(request, jobs.job())

    @router.post("/job/cancel", response_model=Success[DataJob])
    async def cancel(request: Request) -> Response:
        """Have the job that runs leave everything as it was."""
        return success(request, jobs.cancel())

    @router.post("/move", response_model=Success[DataJob], status_code=202)
    async def move(request: Request, body: MoveRequest) -> Response:
        """Copy everything to PostgreSQL, compare, and use that from then on; the file stays as it is."""
        url = whole(body.url, settings.current.database_url, "url")
        return success(request, jobs.move(url, replace=body.replace), status=202)

    @router.post("/back", response_model=Success[DataJob], status_code=202)
    async def back(request: Request) -> Response:
        """Copy everything into the file of the home again; what is in PostgreSQL stays as it is."""
        return success(request, jobs.back(), status=202)

    @router.post("/backup", response_model=Success[DataJob], status_code=202)
    async def backup(request: Request, body: FileRequest) -> Response:
        """Write everything to a file while the program goes on."""
        return success(request, jobs.backup(Path(body.file), replace=body.replace), status=202)

    @router.post("/restore", response_model=Success[DataJob], status_code=202)
    async def restore(request: Request, body: FileRequest) -> Response:
        """Put a backup in the place of all that is there."""
        return success(request, jobs.restore(Path(body.file)), status=202)

    @router.post("/check", response_model=Success[DataJob], status_code=202)
    async def check(request: Request) -> Response:
        """Look whether the data is whole."""
        return success(request, jobs.check(), status=202)

    return router
