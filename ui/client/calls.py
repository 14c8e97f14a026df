"""The ways to the backend's wire: calls, streams of events, and their failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from backend_embedded.contract.wire import Wire
from ui.client.failures import from_answer, unreachable, unreadable
from ui.client.sse import EventDecoder

T = TypeVar("T")
E = TypeVar("E")

CALL_TIMEOUT_S = 30.0
"""The standard time-out of the specification, 2.1."""
LONG_CALL_TIMEOUT_S = 60.0
"""The time-out of processing, 2.1: a model is read from the disk."""


def open_http() -> httpx.AsyncClient:
    """An HTTP client for loopback: no proxy, no certificates to load, no limit on the time of a stream.

    A read time-out would set one timer for each chunk; `call_s` limits whole calls instead.
    """
    return httpx.AsyncClient(verify=False, trust_env=False, timeout=httpx.Timeout(10, read=None))


class Calls:
    """Calls to one backend; its address may change when the backend is started again.

    Args:
        url: address, for example `http://127.0.0.1:10010`; empty while none is known.
        token: goes as `Authorization: Bearer` with every call.
        call_s: time limit of a call that is no stream, in seconds.
    """

    def __init__(self, url: str = "", token: str = "", call_s: float = CALL_TIMEOUT_S) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._call_s = call_s
        self._http = open_http()

    def retarget(self, url: str, token: str) -> None:
        """Use another address from the next call on."""
        self._url = url.rstrip("/")
        self._token = token

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Wire | bytes | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Request:
        if not self._url:
            raise unreachable("it has not started yet")
        content: str | bytes | None = None
        sent = {"Authorization": f"Bearer {self._token}"} | (headers or {})
        if isinstance(body, bytes):
            content = body
            sent["Content-Type"] = "application/octet-stream"
        elif body is not None:
            # what was not set is left out, so that a patch changes only what it names
            content = body.model_dump_json(exclude_unset=True)
            sent["Content-Type"] = "application/json"
        return self._http.build_request(
            method, self._url + path, params=query or None, content=content, headers=sent
        )

    async def _call(
        self,
        method: str,
        path: str,
        answer: TypeAdapter[T],
        *,
        body: Wire | bytes | None = None,
        query: dict[str, Any] | None = None,
        limit_s: float | None = None,
    ) -> T:
        content = await self._content(method, path, body=body, query=query, limit_s=limit_s)
        try:
            return answer.validate_json(content or b'{"status":"success","data":null}')
        except ValidationError as error:
            raise unreadable(path) from error

    async def _content(
        self,
        method: str,
        path: str,
        *,
        body: Wire | bytes | None = None,
        query: dict[str, Any] | None = None,
        limit_s: float | None = None,
    ) -> bytes:
        """The body of an answer as it is."""
        request = self._request(method, path, body=body, query=query)
        try:
            async with asyncio.timeout(limit_s or self._call_s):
                response = await self._http.send(request)
        except TimeoutError as error:
            raise unreachable("it did not answer in time") from error
        except httpx.HTTPError as error:
            raise unreachable(_reason(error)) from error
        if response.is_error:
            raise from_answer(response.status_code, response.content)
        return response.content

    @asynccontextmanager
    async def _arriving(
        self, method: str, path: str, *, query: dict[str, Any] | None = None
    ) -> AsyncGenerator[tuple[Mapping[str, str], AsyncIterator[bytes]], None]:
        """The headers of an answer and its body as it comes; leaving ends the request."""
        request = self._request(method, path, query=query)
        try:
            response = await self._http.send(request, stream=True)
            try:
                if response.is_error:
                    raise from_answer(response.status_code, await response.aread())
                yield response.headers, response.aiter_bytes()
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise unreachable(_reason(error)) from error

    async def _stream(self, path: str, body: Wire, adapter: TypeAdapter[E]) -> AsyncGenerator[E, None]:
        decoder = EventDecoder()
        # closed at once, not when the collector gets to it: closing is what stops the engine
        async with aclosing(self._chunks("POST", path, body=body)) as chunks:
            async for chunk in chunks:
                for event in decoder.feed(chunk):
                    try:
                        decoded = adapter.validate_json(event.data)
                    except ValidationError as error:
                        raise unreadable(path) from error
                    yield decoded

    async def _chunks(
        self, method: str, path: str, *, body: Wire | None = None, headers: dict[str, str] | None = None
    ) -> AsyncGenerator[bytes, None]:
        sent = {"Accept": "text/event-stream"} | (headers or {})
        request = self._request(method, path, body=body, headers=sent)
        try:
            response = await self._http.send(request, stream=True)
            try:
                if response.is_error:
                    raise from_answer(response.status_code, await response.aread())
                yield b""
                async for chunk in response.aiter_raw():
                    yield chunk
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise unreachable(_reason(error)) from error


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def _reason(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return "it is not running"
        case httpx.TimeoutException():
            return "it did not answer in time"
        case httpx.ReadError() | httpx.RemoteProtocolError() | httpx.WriteError() | httpx.CloseError():
            return "the connection was cut"
        case _:
            return str(error) or type(error).__name__
