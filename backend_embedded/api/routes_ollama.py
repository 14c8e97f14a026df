"""The Ollama server: whether it is there, and its models fetched and removed."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.failures import error_body
from backend_embedded.api.parameters import Fields
from backend_embedded.api.streams import EventStreamResponse, frame
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.generation import Failed
from backend_embedded.contract.ollama import OllamaProgress, OllamaPull, OllamaState, OllamaStatus
from backend_embedded.errors import ControlCenterError, EngineError
from backend_embedded.llm.ollama_port import OllamaControl
from backend_embedded.services import Services

PULL: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/event-stream": {
                "example": 'event: progress\ndata: {"kind":"progress","status":"pulling manifest"}\n\n'
            }
        },
        "description": "Server-sent events `progress`, the last one with `done`; or `failed`.",
    }
}


def routes(services: Services) -> APIRouter:
    """The routes of the Ollama server."""
    router = APIRouter(prefix="/api/v1/ollama", tags=["ollama"])

    @router.get("", response_model=Success[OllamaStatus])
    async def status(request: Request, fields: Fields = None) -> Response:
        """Whether a server is there, and what it has in memory."""
        found = OllamaStatus(state=OllamaState.OFF)
        if services.ollama is not None:
            found = await services.ollama.status()
        return success(request, found)

    @router.post("/pull", response_model=Success[OllamaProgress], responses=PULL)
    async def pull(request: Request, body: OllamaPull) -> Response:
        """Have the server fetch a model. Closing the connection stops it; the parts that came are kept."""
        return EventStreamResponse(_progress(_server(services), body.name), services.leaving)

    @router.get("/models/{name:path}", response_model=Success[dict[str, Any]])
    async def show(request: Request, name: str) -> Response:
        """What the server tells about a model, in Ollama's own words (`/api/show`)."""
        return success(request, await _server(services).show(name))

    @router.delete("/models/{name:path}", response_model=Success[OllamaStatus])
    async def delete(request: Request, name: str) -> Response:
        """Have the server remove a model."""
        server = _server(services)
        await server.delete(name)
        return success(request, await server.status())

    return router


def _server(services: Services) -> OllamaControl:
    if services.ollama is None:
        raise EngineError("No Ollama server is looked for.", remedy="Choose it in the settings.")
    return services.ollama


async def _progress(server: OllamaControl, name: str) -> AsyncGenerator[bytes, None]:
    began = False
    async with aclosing(server.pull(name)) as events:
        try:
            async for event in events:
                began = True
                yield frame(event.kind, event)
        except ControlCenterError as error:
            # Before the first event the failure still has an HTTP status of its own.
            if not began:
                raise
            failed = Failed(error=error_body(error))
            yield frame(failed.kind, failed)
