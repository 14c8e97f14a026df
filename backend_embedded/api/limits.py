"""Limits of a request: the size of its body and the time its answer may take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend_embedded.errors import InvalidInput, TimedOut, TooLarge

LARGEST_BODY_BYTES = 16 * 1024 * 1024
PROCESSING_PATHS = (
    "/api/v1/generate",
    "/api/v1/chat",
    "/api/v1/embeddings",
    "/api/v1/models/",
    "/api/v1/downloads",
    "/api/v1/remote",
    "/api/v1/attachments",
    "/api/v1/export",
    "/api/v1/import",
)
ENVELOPE_KEYS = {"action", "params", "metadata"}


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds that an answer may take, by the kind of its route."""

    health_s: float = 5.0
    standard_s: float = 30.0
    processing_s: float = 60.0

    def of(self, path: str) -> float:
        """The limit for a path."""
        if path == "/health":
            return self.health_s
        return self.processing_s if path.startswith(PROCESSING_PATHS) else self.standard_s


class BodyMiddleware:
    """Reads the body up to the limit and takes `params` out of the request envelope (8.1), if it is one."""

    def __init__(self, app: ASGIApp, largest_bytes: int = LARGEST_BODY_BYTES) -> None:
        self._app = app
        self._largest_bytes = largest_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request with its whole body at hand."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        body = _unwrapped(await self._read(scope, receive))
        given = False

        async def receive_body() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_body, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > self._largest_bytes:
            raise self._too_large()
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise InvalidInput("The body of the request was cut off.")
            body += message.get("body", b"")
            if len(body) > self._largest_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body of the request is larger than {self._largest_bytes} bytes.",
            remedy="Send less at once.",
            limit_bytes=self._largest_bytes,
        )


class TimeLimitMiddleware:
    """Ends what takes longer than its kind may (specification 2.1); a stream lifts its own limit."""

    def __init__(self, app: ASGIApp, limits: TimeLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve within the limit or raise TimedOut."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit_s = self._limits.of(scope["path"])
        try:
            async with asyncio.timeout(limit_s) as limit:
                scope["time_limit"] = limit
                await self._app(scope, receive, send)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimedOut(
                f"The answer took longer than {limit_s:g} s.",
                remedy="Try again; ask for a stream where an answer is long.",
                limit_s=limit_s,
            ) from None


def _unwrapped(body: bytes) -> bytes:
    """The `params` of `{action, params, metadata}`; any other body as it is."""
    if b'"params"' not in body or b'"action"' not in body:
        return body
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(value, dict) or not value.keys() <= ENVELOPE_KEYS:
        return body
    params = value.get("params")
    return orjson.dumps(params) if isinstance(params, dict) else body
