"""Makes the ASGI application from the services."""

from __future__ import annotations

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from backend_embedded.api import (
    routes_chat_things,
    routes_context,
    routes_conversations,
    routes_data,
    routes_generation,
    routes_library,
    routes_local_api,
    routes_models,
    routes_ollama,
    routes_queue,
    routes_records,
    routes_services,
    routes_settings,
    routes_system,
)
from backend_embedded.api.context import ContextMiddleware
from backend_embedded.api.doors import ollama as ollama_door
from backend_embedded.api.doors import ollama_models
from backend_embedded.api.doors import openai as openai_door
from backend_embedded.api.doors.access import LocalApiAccess
from backend_embedded.api.failures import failure_response, invalid_input
from backend_embedded.api.guard import GuardMiddleware
from backend_embedded.api.limits import BodyMiddleware, TimeLimitMiddleware, TimeLimits
from backend_embedded.api.lists import KeptLists, KeptListsMiddleware
from backend_embedded.api.rates import RateLimitMiddleware
from backend_embedded.attachments.service import Attachments
from backend_embedded.chat.service import ChatService
from backend_embedded.contract.settings import LocalApi
from backend_embedded.errors import ControlCenterError, InvalidInput, NotFound
from backend_embedded.services import Services

log = logging.getLogger(__name__)

SMALLEST_ZIPPED_BYTES = 1_000


def create_app(
    services: Services, token: str, limits: TimeLimits | None = None, local_api: LocalApi | None = None
) -> FastAPI:
    """The application that serves `services` to who has `token`.

    Args:
        limits: time limits other than the specification's.
        local_api: who may use the doors for other programs in this run, whatever the settings say.
    """
    app = FastAPI(
        title="SutazAI Control Center",
        version=services.version,
        description="The local service layer: chat with models on this machine, conversations, events.",
        docs_url=None,
        redoc_url=None,
    )
    chat = ChatService(
        services.store,
        services.model,
        services.events.publish,
        services.leaving,
        lambda: services.settings.current.propose_titles and not services.metrics.generating,
        reads_ahead=lambda: services.settings.current.read_ahead,
    )
    attachments = Attachments(services.store, services.model)
    app.state.chat, app.state.attachments = chat, attachments
    app.include_router(routes_system.routes(services))
    app.include_router(routes_conversations.routes(services))
    app.include_router(routes_generation.routes(services, chat))
    app.include_router(routes_context.routes(chat))
    app.include_router(routes_chat_things.routes(services, attachments))
    app.include_router(routes_models.routes(services))
    app.include_router(routes_ollama.routes(services))
    app.include_router(routes_settings.routes(services))
    if services.library is not None:
        app.include_router(routes_library.routes(services, services.library))
    if services.data is not None:
        app.include_router(routes_data.routes(services.data, services.settings))
    kept = None
    if services.records is not None:
        kept = KeptLists(services.records.versions)
        app.include_router(routes_records.routes(services.records, kept))
    if services.probes:
        app.include_router(routes_services.routes(services))
    if services.queue is not None and services.outbox is not None:
        app.include_router(routes_queue.routes(services.queue, services.outbox))
    doors = LocalApiAccess(lambda: services.settings.current.local_api, services.settings.folder, local_api)
    app.include_router(routes_local_api.routes(doors, services.settings))
    routers = (ollama_door.routes(services), ollama_models.routes(services), openai_door.routes(services))
    for router in routers:
        app.include_router(router)
    app.state.failed = services.metrics.resilience.failed
    app.add_exception_handler(ControlCenterError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    # Added from the inside out.
    app.add_middleware(
        GZipMiddleware,
        minimum_size=SMALLEST_ZIPPED_BYTES,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/x-ndjson"),  # streams too
    )
    app.add_middleware(BodyMiddleware)
    app.add_middleware(TimeLimitMiddleware, limits=limits or TimeLimits())
    if kept is not None:
        app.add_middleware(KeptListsMiddleware, kept=kept)
    if services.cache is not None:
        app.add_middleware(
            RateLimitMiddleware,
            rates=services.cache,
            limit=lambda: services.settings.current.rate_limit_per_minute,
            routes=[route for router in routers for route in router.routes],
            metrics=services.metrics.cache,
            is_key=doors.is_key,
        )
    app.add_middleware(GuardMiddleware, token=token, doors=doors)
    app.add_middleware(ContextMiddleware, metrics=services.metrics)
    return app


def _answer(request: Request, error: ControlCenterError, status: int | None = None) -> Response:
    """The one place where a failed request is logged, counted and told (specification 9.1)."""
    log.info("%s: %s", error.code.value, error.message)
    request.app.state.failed(error.code.value)
    return failure_response(error, request.headers.get("accept", ""), request.url.path, status)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, ControlCenterError)
    return _answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, invalid_input(error.errors()))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(request, NotFound(f"There is nothing at {request.url.path}."))
    response = _answer(request, InvalidInput(str(error.detail)), error.status_code)
    response.headers.update(error.headers or {})
    return response
