"""The outermost middleware: ids, the access line, the counters and a last catch for every failure."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend_embedded.api.failures import failure_response
from backend_embedded.errors import ControlCenterError
from backend_embedded.logs.context import RequestContext, current_request
from backend_embedded.metrics.backend import BackendMetrics

log = logging.getLogger(__name__)

ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
QUIET = frozenset({"/health", "/metrics"})


class ContextMiddleware:
    """Takes or makes `X-Request-ID` and `X-Correlation-ID`, gives them back and to every log line."""

    def __init__(self, app: ASGIApp, metrics: BackendMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = scope["began_s"] = time.monotonic()
        context = _context(scope)
        status = 0

        async def send_with_ids(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = context.request_id
                headers["X-Correlation-ID"] = context.correlation_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        token = current_request.set(context)
        try:
            await self._serve(scope, receive, send_with_ids, lambda: status == 0)
        finally:
            self._note(scope, status, time.monotonic() - began)
            current_request.reset(token)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, unanswered: Callable[[], bool]
    ) -> None:
        try:
            await self._app(scope, receive, send)
        except ControlCenterError as error:
            await self._fail(error, scope, receive, send, unanswered)
        except Exception as error:
            log.exception("A request failed in a way that nobody expected")
            ours = ControlCenterError(
                f"The backend failed: {type(error).__name__}.", remedy="Try again; the log says more."
            )
            await self._fail(ours, scope, receive, send, unanswered)

    async def _fail(
        self,
        error: ControlCenterError,
        scope: Scope,
        receive: Receive,
        send: Send,
        unanswered: Callable[[], bool],
    ) -> None:
        if unanswered():
            accept = Headers(scope=scope).get("accept", "")
            await failure_response(error, accept, scope["path"])(scope, receive, send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self._metrics.request_ended(scope["method"], route, status, seconds)
        level = logging.DEBUG if scope["path"] in QUIET else logging.INFO
        log.log(
            level,
            "%s %s %d",
            scope["method"],
            scope["path"],
            status,
            extra={"context": {"status": status, "duration_ms": round(seconds * 1_000, 1)}},
        )


def _context(scope: Scope) -> RequestContext:
    headers = Headers(scope=scope)
    request_id = _valid(headers.get("x-request-id")) or str(uuid4())
    correlation_id = _valid(headers.get("x-correlation-id")) or request_id
    return RequestContext(request_id, correlation_id, f"{scope['method']} {scope['path']}")


def _valid(given: str | None) -> str | None:
    """An id as it came; one that could break a log line or a header is not taken."""
    return given if given and ID.fullmatch(given) else None
