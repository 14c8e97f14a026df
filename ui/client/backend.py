"""The backend's HTTP interface as typed calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import TypeAdapter, ValidationError

from backend_embedded.contract.conversations import (
    ChatEvent,
    ChatFailed,
    ChatFinished,
    ChatRequest,
    Conversation,
    ConversationCreate,
    ConversationPatch,
    Message,
    SearchHit,
    chat_event,
)
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.generation import (
    Failed,
    Finished,
    GenerateRequest,
    GenerationEvent,
    generation_event,
)
from backend_embedded.contract.models import Engine, Model
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.contract.status import SystemStatus
from backend_embedded.contract.wire import Wire
from ui.client.failures import cut_off, from_answer, unreachable, unreadable
from ui.client.port import MessagePage
from ui.client.sse import EventDecoder

T = TypeVar("T")
E = TypeVar("E")

CALL_TIMEOUT_S = 30.0
"""The standard time-out of the specification, 2.1."""
LONG_CALL_TIMEOUT_S = 60.0
"""The time-out of processing, 2.1: a model is read from the disk."""

_status = TypeAdapter(Success[SystemStatus])
_conversation = TypeAdapter(Success[Conversation])
_conversations = TypeAdapter(Success[list[Conversation]])
_messages = TypeAdapter(Success[tuple[Message, ...]])
_models = TypeAdapter(Success[list[Model]])
_engine = TypeAdapter(Success[Engine])
_settings = TypeAdapter(Success[BackendSettings])
_hits = TypeAdapter(Success[list[SearchHit]])
_anything = TypeAdapter(Success[Any])


def open_http() -> httpx.AsyncClient:
    """An HTTP client for loopback: no proxy, no certificates to load, no limit on the time of a stream.

    A read time-out would set one timer for each chunk; `call_s` limits whole calls instead.
    """
    return httpx.AsyncClient(verify=False, trust_env=False, timeout=httpx.Timeout(10, read=None))


class BackendClient:
    """Calls one backend; its address may change when the backend is started again.

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

    async def status(self) -> SystemStatus:
        """State of each capability."""
        return (await self._call("GET", "/api/v1/status", _status)).data

    async def conversations(self, limit: int = 100, offset: int = 0) -> list[Conversation]:
        """Conversations that are not in the bin, last changed first."""
        query = {"limit": limit, "offset": offset, "deleted": "false"}
        return (await self._call("GET", "/api/v1/conversations", _conversations, query=query)).data

    async def create_conversation(self, title: str) -> Conversation:
        """Make an empty conversation."""
        body = ConversationCreate(title=title)
        return (await self._call("POST", "/api/v1/conversations", _conversation, body=body)).data

    async def patch_conversation(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change the fields that were given to the patch; the others are left alone."""
        path = f"/api/v1/conversations/{conversation_id}"
        return (await self._call("PATCH", path, _conversation, body=patch)).data

    async def delete_conversation(self, conversation_id: UUID, purge: bool = False) -> None:
        """Move a conversation to the bin; with `purge`, remove it for good."""
        query = {"purge": "true"} if purge else {}
        await self._call("DELETE", f"/api/v1/conversations/{conversation_id}", _anything, query=query)

    async def messages(
        self, conversation_id: UUID, leaf: UUID | None = None, limit: int = 20, before: UUID | None = None
    ) -> MessagePage:
        """The last `limit` messages (before `before`) of the branch that ends in `leaf`."""
        query: dict[str, Any] = {"limit": limit}
        query |= {"leaf": str(leaf)} if leaf else {}
        query |= {"before": str(before)} if before else {}
        path = f"/api/v1/conversations/{conversation_id}/messages"
        answer = await self._call("GET", path, _messages, query=query)
        page = answer.metadata.page
        return MessagePage(answer.data, page.total if page else len(answer.data))

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream an answer into a conversation; closing the generator stops the engine."""
        async with aclosing(self._stream("/api/v1/chat", request, chat_event)) as events:
            async for event in events:
                yield event
                if isinstance(event, ChatFinished | ChatFailed):
                    return
        raise cut_off()

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Stream an answer to one prompt; closing the generator stops the engine."""
        async with aclosing(self._stream("/api/v1/generate", request, generation_event)) as events:
            async for event in events:
                yield event
                if isinstance(event, Finished | Failed):
                    return
        raise cut_off()

    async def models(self) -> list[Model]:
        """All models on this machine."""
        return (await self._call("GET", "/api/v1/models", _models)).data

    async def load_model(self, name: str) -> None:
        """Bring a model into memory now."""
        await self._call(
            "POST", f"/api/v1/models/{_segment(name)}/load", _anything, limit_s=LONG_CALL_TIMEOUT_S
        )

    async def unload_model(self, name: str) -> None:
        """Free a model's memory."""
        await self._call("POST", f"/api/v1/models/{_segment(name)}/unload", _anything)

    async def engine(self) -> Engine:
        """State of the local engine."""
        return (await self._call("GET", "/api/v1/engine", _engine)).data

    async def build_engine(self) -> Engine:
        """Start the job that builds the engine."""
        return (await self._call("POST", "/api/v1/engine/build", _engine)).data

    async def cancel_engine_build(self) -> Engine:
        """Stop the job that builds the engine."""
        return (await self._call("POST", "/api/v1/engine/cancel", _engine)).data

    async def settings(self) -> BackendSettings:
        """The backend's settings."""
        return (await self._call("GET", "/api/v1/settings", _settings)).data

    async def patch_settings(self, patch: SettingsPatch) -> BackendSettings:
        """Change the fields that were given to the patch; the others are left alone."""
        return (await self._call("PATCH", "/api/v1/settings", _settings, body=patch)).data

    async def search(self, query: str) -> list[SearchHit]:
        """Messages that match a full-text search."""
        return (await self._call("GET", "/api/v1/search", _hits, query={"q": query})).data

    async def raw_events(self, last_event_id: str) -> AsyncGenerator[bytes, None]:
        """The bytes of the event stream, from after an event id on; empty bytes at once when it is open."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with aclosing(self._chunks("GET", "/api/v1/events", headers=headers)) as chunks:
            async for chunk in chunks:
                yield chunk

    # The ways to the wire

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Wire | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Request:
        if not self._url:
            raise unreachable("it has not started yet")
        content = None
        sent = {"Authorization": f"Bearer {self._token}"} | (headers or {})
        if body is not None:
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
        body: Wire | None = None,
        query: dict[str, Any] | None = None,
        limit_s: float | None = None,
    ) -> T:
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
        try:
            return answer.validate_json(response.content or b'{"status":"success","data":null}')
        except ValidationError as error:
            raise unreadable(path) from error

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


def _segment(name: str) -> str:
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
