"""Health, status, metrics and the event stream."""

# No postponed annotations: FastAPI reads those of functions inside functions when it makes the route.
import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from backend_embedded.api.answers import success
from backend_embedded.api.parameters import Fields
from backend_embedded.api.streams import EventStreamResponse, frame
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.status import Health, SystemStatus
from backend_embedded.errors import ControlCenterError
from backend_embedded.services import Services

COUNT_S = 0.5
"""Longest time that a scrape waits for the queue to be counted."""
Responses = dict[int | str, dict[str, Any]]

EVENTS: Responses = {
    200: {"content": {"text/event-stream": {}}, "description": "Server-sent events without end."}
}
METRICS: Responses = {200: {"content": {"text/plain": {}}, "description": "Prometheus text format 0.0.4."}}


def routes(services: Services) -> APIRouter:
    """The routes that tell how the backend does."""
    router = APIRouter(tags=["system"])

    @router.get("/health", response_model=Success[Health])
    async def health(request: Request) -> Response:
        """Whether the backend serves, and the worst state of its capabilities. Needs no token."""
        return success(request, Health(state=services.status().state, version=services.version))

    @router.get("/metrics", responses=METRICS, response_class=Response)
    async def metrics() -> Response:
        """Counters and gauges of this run."""
        services.metrics.messages_wait(await _waiting(services))
        text = services.metrics.text(services.capabilities())
        return Response(text, headers={"Content-Type": services.metrics.content_type})

    @router.get("/api/v1/status", response_model=Success[SystemStatus])
    async def status(request: Request, fields: Fields = None) -> Response:
        """Each capability: its state, provider, product, why, and since when."""
        return success(request, services.status())

    @router.get("/api/v1/events", responses=EVENTS, response_class=Response)
    async def events(
        last_event_id: Annotated[
            str | None, Header(description="Id of the last event that was seen; what came after it follows.")
        ] = None,
    ) -> Response:
        """What changes, numbered; a snapshot of the whole state comes first and after every gap."""
        return EventStreamResponse(_event_frames(services, last_event_id), services.leaving)

    return router


async def _waiting(services: Services) -> dict[str, int]:
    """How many messages wait in each queue, as far as that is known in a moment."""
    waiting: dict[str, int] = {}
    with suppress(ControlCenterError, TimeoutError):
        async with asyncio.timeout(COUNT_S):
            if services.queue is not None:
                waiting = {depth.name.value: depth.ready for depth in await services.queue.depths()}
            if services.outbox is not None:
                waiting["outbox"] = await services.outbox.count()
    return waiting


async def _event_frames(services: Services, last_id: str | None) -> AsyncGenerator[bytes, None]:
    async with aclosing(services.events.subscribe(last_id)) as events:
        async for event_id, event in events:
            yield frame(event.kind, event, event_id)
