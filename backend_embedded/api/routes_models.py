"""The models on this machine and the engine that runs them."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.parameters import DEFAULT_LIMIT, Fields, Limit, Offset
from backend_embedded.contract.envelope import PageInfo, Success
from backend_embedded.contract.models import Engine, Model
from backend_embedded.services import Services


def routes(services: Services) -> APIRouter:
    """The routes of models and their engine."""
    router = APIRouter(prefix="/api/v1", tags=["models"])

    @router.get("/models", response_model=Success[list[Model]])
    async def models(
        request: Request, limit: Limit = DEFAULT_LIMIT, offset: Offset = 0, fields: Fields = None
    ) -> Response:
        """All model files that were found; `problem` says why one cannot be used."""
        found = await services.model.models()
        page = PageInfo(total=len(found), limit=limit, offset=offset)
        return success(request, found[offset : offset + limit], page)

    @router.post("/models/{name:path}/load", response_model=Success[list[Model]])
    async def load(request: Request, name: str) -> Response:
        """Bring a model into memory; answers when it is there."""
        await services.model.load(name)
        return success(request, await services.model.models())

    @router.post("/models/{name:path}/unload", response_model=Success[list[Model]])
    async def unload(request: Request, name: str) -> Response:
        """Free a model's memory."""
        await services.model.unload(name)
        return success(request, await services.model.models())

    @router.get("/engine", response_model=Success[Engine])
    async def engine(request: Request, fields: Fields = None) -> Response:
        """The local engine, and how far its build is."""
        return success(request, services.engine.state())

    @router.post("/engine/build", response_model=Success[Engine], status_code=202)
    async def build(request: Request) -> Response:
        """Begin to build the engine; events tell how it goes."""
        await services.engine.build()
        return success(request, services.engine.state(), status=202)

    @router.post("/engine/cancel", response_model=Success[Engine])
    async def cancel(request: Request) -> Response:
        """End a build that runs."""
        await services.engine.cancel()
        return success(request, services.engine.state())

    return router
