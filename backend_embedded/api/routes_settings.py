"""The backend's settings."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.parameters import Fields
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.services import Services


def routes(services: Services) -> APIRouter:
    """The routes of settings."""
    router = APIRouter(prefix="/api/v1/settings", tags=["settings"])

    @router.get("", response_model=Success[BackendSettings])
    async def read(request: Request, fields: Fields = None) -> Response:
        """The settings now; `***` stands for the passwords in addresses."""
        return success(request, services.settings.told)

    @router.patch("", response_model=Success[BackendSettings])
    async def change(request: Request, body: SettingsPatch) -> Response:
        """Change settings; a field that is absent is left alone, and so is a password that `***` stands for."""
        await services.settings.change(body)
        return success(request, services.settings.told)

    return router
