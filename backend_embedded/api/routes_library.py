"""The model library: what can be fetched, what is being fetched, and what is known of a model."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.parameters import Fields
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.library import (
    CatalogueEntry,
    CopyRequest,
    Download,
    ImportRequest,
    ModelDetails,
    ModelPatch,
    PullRequest,
    Remote,
)
from backend_embedded.contract.models import Model
from backend_embedded.library.service import Library
from backend_embedded.services import Services

Reference = Annotated[str, Query(min_length=1, max_length=500, description="As `pull` takes it.")]


def routes(services: Services, library: Library) -> APIRouter:
    """The routes of the model library. A model's name may hold `/` and `:`, percent-encoded or not."""
    router = APIRouter(prefix="/api/v1", tags=["library"])
    _add_downloads(router, library)

    @router.get("/catalogue", response_model=Success[list[CatalogueEntry]])
    async def catalogue(request: Request, fields: Fields = None) -> Response:
        """Models that the program knows of; `installed` says which are here."""
        return success(request, await library.catalogue())

    @router.get("/remote", response_model=Success[Remote])
    async def remote(request: Request, reference: Reference) -> Response:
        """Files, sizes and licence of a model before it is fetched."""
        return success(request, await library.remote(reference))

    @router.post("/models/import", response_model=Success[Download], status_code=202)
    async def bring(request: Request, body: ImportRequest) -> Response:
        """Check a GGUF file of this machine and begin to copy or move it into the models folder."""
        begun = await library.downloads.bring(body.path, body.name, body.move)
        return success(request, begun, status=202)

    @router.post("/models/{name:path}/copy", response_model=Success[list[Model]])
    async def copy(request: Request, name: str, body: CopyRequest) -> Response:
        """Give a model a second name."""
        await library.copy(name, body.name)
        return success(request, await services.model.models())

    @router.get("/models/{name:path}", response_model=Success[ModelDetails])
    async def details(request: Request, name: str) -> Response:
        """All that is known of a model, and what removing it frees."""
        return success(request, await library.details(name))

    @router.patch("/models/{name:path}", response_model=Success[ModelDetails])
    async def patch(request: Request, name: str, body: ModelPatch) -> Response:
        """Pin a model in memory, or make it the default one."""
        return success(request, await library.patch(name, body))

    @router.delete("/models/{name:path}", response_model=Success[dict[str, int]])
    async def remove(request: Request, name: str) -> Response:
        """Remove a model from the disk; `freed_bytes` says what that freed."""
        return success(request, {"freed_bytes": await library.remove(name)})

    return router


def _add_downloads(router: APIRouter, library: Library) -> None:
    downloads = library.downloads

    @router.get("/downloads", response_model=Success[list[Download]])
    async def listed(request: Request, fields: Fields = None) -> Response:
        """All downloads, the oldest first."""
        return success(request, downloads.list())

    @router.post("/downloads", response_model=Success[Download], status_code=202)
    async def pull(request: Request, body: PullRequest) -> Response:
        """Begin to fetch a model; events tell how it goes."""
        return success(request, await downloads.pull(body.reference, body.name), status=202)

    @router.post("/downloads/{download_id}/pause", response_model=Success[Download])
    async def pause(request: Request, download_id: str) -> Response:
        """Stop a download; what came stays on the disk."""
        return success(request, await downloads.pause(download_id))

    @router.post("/downloads/{download_id}/resume", response_model=Success[Download])
    async def resume(request: Request, download_id: str) -> Response:
        """Go on where it was."""
        return success(request, await downloads.resume(download_id))

    @router.delete("/downloads/{download_id}", response_model=Success[None])
    async def cancel(request: Request, download_id: str) -> Response:
        """End a download and remove what came of it; one that is done goes off the list."""
        await downloads.cancel(download_id)
        return success(request, None)
