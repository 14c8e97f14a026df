"""Trying the address of a cache, a queue or a database before it is set."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from backend_embedded.addresses import whole
from backend_embedded.api.answers import success
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.probes import ServiceFound, ServiceKind, ServiceTest
from backend_embedded.errors import InvalidInput
from backend_embedded.services import Services

SCHEMES = {
    ServiceKind.CACHE: ("redis", "rediss", "unix"),
    ServiceKind.QUEUE: ("amqp", "amqps"),
    ServiceKind.DATABASE: ("postgresql", "postgres"),
}
SETTINGS = {
    ServiceKind.CACHE: "cache",
    ServiceKind.QUEUE: "queue",
    ServiceKind.DATABASE: "database_url",
}
EXAMPLES = {
    ServiceKind.CACHE: "redis://127.0.0.1:6379",
    ServiceKind.QUEUE: "amqp://guest:guest@127.0.0.1:5672/",
    ServiceKind.DATABASE: "postgresql://USER:PASSWORD@127.0.0.1:5432/DATABASE",
}


def routes(services: Services) -> APIRouter:
    """The route that tries an address."""
    router = APIRouter(prefix="/api/v1/services", tags=["services"])

    @router.post("/test", response_model=Success[ServiceFound])
    async def test(request: Request, body: ServiceTest) -> Response:
        """Connect, ask the server what it is, and leave again; nothing is set or changed by it."""
        kept: str = getattr(services.settings.current, SETTINGS[body.kind])
        return success(request, await services.probes[body.kind](whole(_address(body), kept, "url")))

    return router


def _address(body: ServiceTest) -> str:
    url = body.url.strip()
    try:
        parts = urlsplit(url)
        fits = parts.scheme in SCHEMES[body.kind] and parts.port != 0
    except ValueError:  # a port that is none, a bracket that is not closed
        fits = False
    if not fits:
        raise InvalidInput(
            f"This is no address of a {body.kind.value}.",
            remedy=f"Write it as {EXAMPLES[body.kind]}.",
            fields=[{"field": "url", "problem": "no address"}],
        )
    return url
