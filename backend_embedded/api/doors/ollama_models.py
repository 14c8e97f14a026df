"""The Ollama API: the models, what is in memory, and fetching, copying and removing."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from backend_embedded.api.doors.bodies import lift_time_limit, read_body
from backend_embedded.api.doors.failures import BadRequest
from backend_embedded.api.doors.names import find_model
from backend_embedded.api.doors.ollama import NDJSON, json_answer
from backend_embedded.api.doors.ollama_answers import line
from backend_embedded.api.doors.ollama_bodies import CopyBody, NameBody
from backend_embedded.api.doors.ollama_details import listed, modified, running, shown
from backend_embedded.api.doors.ollama_pull import pull_lines
from backend_embedded.api.streams import EventStreamResponse, while_listening
from backend_embedded.contract.library import ModelDetails
from backend_embedded.contract.models import ModelSource
from backend_embedded.errors import EngineError, ModelNotFound
from backend_embedded.library.service import Library
from backend_embedded.services import Services

RUNNING = "Ollama is running"
SPOKEN = "0.13.5"
"""The version of Ollama whose API this is: tools ask for it, and refuse a server that is older than they need."""


def routes(services: Services) -> APIRouter:
    """The routes of models."""
    router = APIRouter(include_in_schema=False)
    began = services.started_at

    @router.api_route("/", methods=["GET", "HEAD"])
    async def probe() -> Response:
        return Response(RUNNING, media_type="text/plain; charset=utf-8")

    @router.api_route("/api/version", methods=["GET", "HEAD"])
    async def version() -> Response:
        return json_answer({"version": SPOKEN})

    @router.api_route("/api/tags", methods=["GET", "HEAD"])
    async def tags() -> Response:
        models = [model for model in await services.model.models() if model.problem is None]
        return json_answer({"models": [listed(model, modified(model, began)) for model in models]})

    @router.get("/api/ps")
    async def ps() -> Response:
        keep_s = services.settings.current.keep_alive_s
        status = await services.ollama.status() if services.ollama is not None else None
        at = {one.name: one for one in status.running} if status is not None else {}
        models = [model for model in await services.model.models() if model.loaded]
        found = []
        for model in models:
            size = at[model.name].context_size if model.name in at else 0
            if not size:
                size = (await services.model.context(model.name)).size
            found.append(running(model, at.get(model.name), size, -1 if model.pinned else keep_s))
        return json_answer({"models": found})

    @router.post("/api/show")
    async def show(request: Request) -> Response:
        body = await read_body(request, NameBody)
        model = await find_model(services.model, body.wanted)
        if model.source is ModelSource.OLLAMA and services.ollama is not None:
            return json_answer(await services.ollama.show(model.name))
        details = ModelDetails(model=model)
        if services.library is not None:
            details = await services.library.details(model.name)
        return json_answer(shown(details, modified(model, began), verbose=bool(body.verbose)))

    @router.post("/api/pull")
    async def pull(request: Request) -> Response:
        body = await read_body(request, NameBody)
        if not body.wanted:
            raise BadRequest("invalid model name", "model")
        lift_time_limit(request)
        steps = pull_lines(_library(services), services.model, body.wanted)
        if body.stream is not False:
            return EventStreamResponse(_as_lines(steps), services.leaving, None, NDJSON)
        last = await while_listening(request, _last(steps))
        return json_answer(last, 500 if "error" in last else 200)

    @router.delete("/api/delete")
    async def delete(request: Request) -> Response:
        body = await read_body(request, NameBody)
        model = await find_model(services.model, body.wanted)
        if model.source is ModelSource.OLLAMA and services.ollama is not None:
            await services.ollama.delete(model.name)
        else:
            await _library(services).remove(model.name)
        return Response(status_code=200)

    @router.post("/api/copy")
    async def copy(request: Request) -> Response:
        body = await read_body(request, CopyBody)
        if not body.source or not body.destination:
            raise BadRequest("source and destination are required")
        try:
            model = await find_model(services.model, body.source)
        except ModelNotFound:
            raise ModelNotFound(f'model "{body.source}" not found') from None
        if model.source is ModelSource.OLLAMA and services.ollama is not None:
            await services.ollama.copy(model.name, body.destination)
        else:
            await _library(services).copy(model.name, body.destination.removesuffix(":latest"))
        return Response(status_code=200)

    @router.api_route("/api/create", methods=["POST"])
    @router.api_route("/api/push", methods=["POST"])
    async def refused() -> Response:
        raise BadRequest("create and push are not supported: import a GGUF file in the program's model page")

    return router


def _library(services: Services) -> Library:
    if services.library is None:
        raise EngineError("There is no model library in this run.")
    return services.library


async def _as_lines(steps: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(steps):
        async for step in steps:
            yield line(step)


async def _last(steps: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    last: dict[str, Any] = {}
    async with aclosing(steps):
        async for step in steps:
            last = step
    return last
