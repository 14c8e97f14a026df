"""The client against a real HTTP server in the same loop: calls, streams, failures, the event stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from backend_embedded.contract.conversations import ChatFinished, ChatRequest, ChatStarted, ConversationPatch
from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.events import Event, RunnerExited
from backend_embedded.contract.generation import Failed, GenerateRequest, TextDelta
from backend_embedded.contract.settings import SettingsPatch
from ui.client.backend import BackendClient
from ui.client.events import EventStream
from ui.client.port import Backend, ClientError

NOW = "2026-01-01T00:00:00Z"
TOKEN = "secret"


class Server:
    """A server of one test: its routes are plain functions, what it was asked is kept."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[Request], Awaitable[Response]]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.closed = asyncio.Event()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def _handle(self, request: Request) -> Response:
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return failure(401, "UNAUTHORIZED", "No token.")
        body = await request.body()
        line = f"{request.method} {request.url.path}"
        self.asked.append((line, str(request.url.query), json.loads(body) if body else None))
        return await self.routes[line](request)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        methods = ["GET", "POST", "PATCH", "DELETE"]
        app = Starlette(routes=[Route("/{path:path}", self._handle, methods=methods)])
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        )
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self._socket.listen()
        task = asyncio.create_task(server.serve([self._socket]))
        try:
            yield self
        finally:
            server.should_exit = True
            await task

    def answers(self, line: str, data: object, **metadata: object) -> None:
        async def answer(_: Request) -> Response:
            return JSONResponse({"status": "success", "data": data, "metadata": metadata})

        self.routes[line] = answer

    def streams(self, line: str, *pieces: bytes, stays: bool = False) -> None:
        async def body() -> AsyncIterator[bytes]:
            try:
                for piece in pieces:
                    yield piece
                if stays:
                    await asyncio.Event().wait()
            finally:
                self.closed.set()

        async def answer(_: Request) -> Response:
            return StreamingResponse(body(), media_type="text/event-stream")

        self.routes[line] = answer


def failure(status: int, code: str, message: str) -> Response:
    return JSONResponse({"status": "error", "error": {"code": code, "message": message}}, status)


def sse(value: dict[str, Any], number: int | None = None) -> bytes:
    mark = f"id: run:{number}\n" if number is not None else ""
    return f"{mark}event: {value['kind']}\ndata: {json.dumps(value)}\n\n".encode()


def conversation(title: str = "One") -> dict[str, Any]:
    return {"id": str(uuid4()), "title": title, "created_at": NOW, "updated_at": NOW}


def message(text: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "conversation_id": str(uuid4()),
        "parent_id": None,
        "role": "assistant",
        "text": text,
        "status": "complete",
        "created_at": NOW,
    }


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server().running() as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[BackendClient]:
    one = BackendClient(server.url, TOKEN, call_s=5)
    yield one
    await one.aclose()


async def test_it_is_the_port(client: BackendClient) -> None:
    port: Backend = client
    assert port is client


async def test_pages_of_messages(server: Server, client: BackendClient) -> None:
    wanted, before = uuid4(), uuid4()
    server.answers(
        f"GET /api/v1/conversations/{wanted}/messages",
        [message("a"), message("b")],
        page={"total": 40, "limit": 2, "offset": 0},
    )
    page = await client.messages(wanted, limit=2, before=before)
    assert [one.text for one in page.messages] == ["a", "b"]
    assert page.total == 40
    assert server.asked[0][1] == f"limit=2&before={before}"


async def test_a_patch_sends_what_it_names_alone(server: Server, client: BackendClient) -> None:
    wanted = uuid4()
    server.answers(f"PATCH /api/v1/conversations/{wanted}", conversation())
    server.answers("PATCH /api/v1/settings", {"threads": 2})
    await client.patch_conversation(wanted, ConversationPatch(draft=""))
    assert (await client.patch_settings(SettingsPatch(threads=2))).threads == 2
    assert [body for *_, body in server.asked] == [{"draft": ""}, {"threads": 2}]


async def test_the_rest_of_the_calls(server: Server, client: BackendClient) -> None:
    wanted = conversation("Hello")
    server.answers("POST /api/v1/conversations", wanted)
    server.answers("GET /api/v1/conversations", [wanted])
    server.answers(f"DELETE /api/v1/conversations/{wanted['id']}", None)
    server.answers("GET /api/v1/engine", {"state": "ready"})
    server.answers("POST /api/v1/engine/build", {"state": "building"})
    server.answers("POST /api/v1/engine/cancel", {"state": "missing"})
    server.answers("POST /api/v1/models/a b/load", [])
    server.answers("POST /api/v1/models/a b/unload", [])
    server.answers(
        "GET /api/v1/models", [{"name": "m", "title": "M", "provider": "p", "path": "/m", "size_bytes": 1}]
    )
    server.answers("GET /api/v1/settings", {})
    server.answers("GET /api/v1/search", [])
    status = {"version": "1", "run_id": "r", "started_at": NOW, "state": "ok", "capabilities": []}
    server.answers("GET /api/v1/status", status)
    assert (await client.create_conversation("Hello")).title == "Hello"
    assert [one.title for one in await client.conversations()] == ["Hello"]
    await client.delete_conversation(UUID(wanted["id"]), purge=True)
    assert (await client.engine()).state == "ready"
    assert (await client.build_engine()).state == "building"
    assert (await client.cancel_engine_build()).state == "missing"
    await client.load_model("a b")
    await client.unload_model("a b")
    assert [one.name for one in await client.models()] == ["m"]
    assert (await client.settings()).context_size == 4096
    assert await client.search("a&b") == []
    assert (await client.status()).run_id == "r"


async def test_an_answer_is_streamed(server: Server, client: BackendClient) -> None:
    started = {"kind": "started", "conversation": conversation(), "answer": message("")}
    text = {"kind": "text", "text": "ü😀", "tokens": 1}
    whole = sse(started) + b": keep-alive\n\n" + sse(text)
    server.streams(
        "POST /api/v1/chat", whole[:-9], whole[-9:], sse({"kind": "finished", "answer": message("ü😀")})
    )
    events = [event async for event in client.chat(ChatRequest(content="hi"))]
    assert [type(event) for event in events] == [ChatStarted, TextDelta, ChatFinished]
    assert server.asked[0][2] == {"content": "hi"}


async def test_closing_a_stream_reaches_the_server(server: Server, client: BackendClient) -> None:
    server.streams("POST /api/v1/generate", sse({"kind": "text", "text": "a", "tokens": 1}), stays=True)
    async with aclosing(client.generate(GenerateRequest(prompt="p"))) as events:
        await anext(events)
    async with asyncio.timeout(5):
        await server.closed.wait()


async def test_a_cancelled_reader_closes_the_stream(server: Server, client: BackendClient) -> None:
    server.streams("POST /api/v1/generate", sse({"kind": "text", "text": "a", "tokens": 1}), stays=True)
    first = asyncio.Event()

    async def read() -> None:
        async with aclosing(client.generate(GenerateRequest(prompt="p"))) as events:
            async for _ in events:
                first.set()

    task = asyncio.create_task(read())
    async with asyncio.timeout(5):
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.closed.wait()


async def test_a_stream_without_its_last_event_is_cut_off(server: Server, client: BackendClient) -> None:
    server.streams("POST /api/v1/generate", sse({"kind": "text", "text": "a", "tokens": 1}))
    with pytest.raises(ClientError, match="cut off") as caught:
        [event async for event in client.generate(GenerateRequest(prompt="p"))]
    assert caught.value.code is ErrorCode.BACKEND_UNREACHABLE


async def test_a_failed_answer_is_an_event(server: Server, client: BackendClient) -> None:
    server.streams(
        "POST /api/v1/generate", sse({"kind": "failed", "error": {"code": "ENGINE_CRASHED", "message": "x"}})
    )
    events = [event async for event in client.generate(GenerateRequest(prompt="p"))]
    assert isinstance(events[0], Failed)
    assert events[0].error.code is ErrorCode.ENGINE_CRASHED


async def test_errors_carry_their_code(server: Server, client: BackendClient) -> None:
    async def missing(_: Request) -> Response:
        return failure(404, "MODEL_NOT_FOUND", "No such model.")

    async def proxy(_: Request) -> Response:
        return PlainTextResponse("too big", 413)

    async def strange(_: Request) -> Response:
        return PlainTextResponse("hello")

    server.routes |= {
        "POST /api/v1/generate": missing,
        "GET /api/v1/models": proxy,
        "GET /api/v1/engine": strange,
    }
    with pytest.raises(ClientError, match=r"No such model\.") as caught:
        [event async for event in client.generate(GenerateRequest(prompt="p"))]
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND
    with pytest.raises(ClientError, match="too big") as caught:
        await client.models()
    assert caught.value.code is ErrorCode.TOO_LARGE
    with pytest.raises(ClientError, match="could not be read"):
        await client.engine()
    client.retarget(server.url, "wrong")
    with pytest.raises(ClientError) as caught:
        await client.engine()
    assert caught.value.code is ErrorCode.UNAUTHORIZED


async def test_no_answer_is_unreachable(server: Server, client: BackendClient) -> None:
    async def never(_: Request) -> Response:
        await released.wait()
        return PlainTextResponse("late")

    released = asyncio.Event()
    server.routes["GET /api/v1/engine"] = never
    hasty = BackendClient(server.url, TOKEN, call_s=0.1)
    nowhere = BackendClient("http://127.0.0.1:1", TOKEN)
    unknown = BackendClient()
    for one, reason in ((hasty, "in time"), (nowhere, "not running"), (unknown, "not started")):
        with pytest.raises(ClientError, match=reason) as caught:
            await one.engine()
        assert caught.value.code is ErrorCode.BACKEND_UNREACHABLE
        await one.aclose()
    released.set()


def exited(name: str) -> dict[str, Any]:
    return {"kind": "runner_exited", "model": name, "message": "m", "restart_in_s": 0}


class Followed:
    """What an event stream told, and a way to wait for it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._changed = asyncio.Event()

    def on_event(self, event: Event) -> None:
        assert isinstance(event, RunnerExited)
        self._add(event.model)

    def on_connection(self, open_: bool) -> None:
        self._add("open" if open_ else "shut")

    def _add(self, what: str) -> None:
        self.told.append(what)
        self._changed.set()

    async def until(self, *told: str) -> None:
        async with asyncio.timeout(5):
            while self.told[: len(told)] != list(told):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def following(stream: EventStream) -> AsyncIterator[Followed]:
    followed = Followed()
    task = asyncio.create_task(stream.run(followed.on_event, followed.on_connection))
    try:
        yield followed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_events_go_on_after_a_cut_where_they_were(server: Server, client: BackendClient) -> None:
    seen: list[str | None] = []
    unknown = b'id: run:2\nevent: new\ndata: {"kind": "of a newer backend"}\n\n'

    async def events(request: Request) -> Response:
        seen.append(request.headers.get("last-event-id"))
        first = sse(exited("a"), 1) + unknown if len(seen) == 1 else sse(exited("b"), 3)
        return StreamingResponse(once(first))

    async def once(data: bytes) -> AsyncIterator[bytes]:
        yield data

    server.routes["GET /api/v1/events"] = events
    async with following(EventStream(client)) as followed:
        await followed.until("open", "a", "shut", "open", "b", "shut")
    assert seen[:2] == [None, "run:2"]


async def test_events_follow_a_backend_to_its_new_address(server: Server) -> None:
    server.streams("GET /api/v1/events", sse(exited("a"), 1), stays=True)
    client = BackendClient()
    stream = EventStream(client)
    async with following(stream) as followed:
        client.retarget(server.url, TOKEN)
        stream.reconnect()
        await followed.until("open", "a")
    await client.aclose()


async def test_a_silent_backend_is_given_up(server: Server, client: BackendClient) -> None:
    server.streams("GET /api/v1/events", sse(exited("a"), 1), stays=True)
    async with following(EventStream(client, silence_s=0.2)) as followed:
        await followed.until("open", "a", "shut", "open")


async def test_a_pull_of_the_ollama_server_is_followed_and_hung_up(
    server: Server, client: BackendClient
) -> None:
    begun = {"kind": "progress", "status": "pulling", "digest": "a", "completed_bytes": 1, "total_bytes": 2}
    ended = {"kind": "progress", "status": "success", "done": True}
    server.streams("POST /api/v1/ollama/pull", sse(begun), sse(ended))
    assert [event.status async for event in client.pull_ollama_model("gpt-oss")] == ["pulling", "success"]
    assert server.asked[-1][2] == {"name": "gpt-oss"}
    server.closed.clear()
    server.streams("POST /api/v1/ollama/pull", sse(begun), stays=True)
    async with aclosing(client.pull_ollama_model("gpt-oss")) as events:
        await anext(events)
    await asyncio.wait_for(server.closed.wait(), 5)


async def test_a_pull_that_fails_in_its_middle_says_why(server: Server, client: BackendClient) -> None:
    failed = {"kind": "failed", "error": {"code": "INTERNAL", "message": "The disk is full."}}
    server.streams("POST /api/v1/ollama/pull", sse(failed))
    with pytest.raises(ClientError, match="The disk is full"):
        await anext(client.pull_ollama_model("gpt-oss"))


async def test_the_local_api_and_its_key(server: Server, client: BackendClient) -> None:
    told = {"mode": "key", "url": "http://127.0.0.1:1", "key": "a", "ollama_url": "http://127.0.0.1:1"}
    server.answers("GET /api/v1/local-api", told)
    server.answers("POST /api/v1/local-api/key", told | {"key": "b"})
    assert (await client.local_api()).key == "a"
    assert (await client.new_local_api_key()).key == "b"
