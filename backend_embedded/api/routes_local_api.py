"""Where the doors for other programs are, and their key."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.doors.access import LocalApiAccess
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.local_api import LocalApiInfo
from backend_embedded.contract.settings import LocalApi
from backend_embedded.settings import SettingsFile


def routes(access: LocalApiAccess, settings: SettingsFile) -> APIRouter:
    """The routes of the local API's address and key."""
    router = APIRouter(prefix="/api/v1/local-api", tags=["local-api"])

    @router.get("", response_model=Success[LocalApiInfo])
    async def read(request: Request) -> Response:
        """Mode, address and key."""
        return success(request, _info(request, access.mode, access.key))

    @router.post("/key", response_model=Success[LocalApiInfo])
    async def renew(request: Request) -> Response:
        """Make another key; the old one is refused from then on."""
        return success(request, _info(request, access.mode, await settings.on_disk(access.new_key)))

    return router


def _info(request: Request, mode: LocalApi, key: str) -> LocalApiInfo:
    url = "" if mode is LocalApi.OFF else str(request.base_url).rstrip("/")
    return LocalApiInfo(mode=mode, url=url, key=key, ollama_url=url)
