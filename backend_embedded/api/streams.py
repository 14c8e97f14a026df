"""Server-sent events: streams that end when the client goes away or the program leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend_embedded.errors import EngineError

T = TypeVar("T")

KEEP_ALIVE_S = 10.0
KEEP_ALIVE = b":\n\n"

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


def frame(kind: str, data: BaseModel, event_id: str | None = None) -> bytes:
    """One server-sent event."""
    number = f"id: {event_id}\n" if event_id else ""
    return f"{number}event: {kind}\ndata: {data.model_dump_json()}\n\n".encode()


class EventStreamResponse(Response):
    """Sends frames as they come; the generator is closed, and so stopped, when nobody listens any more.

    An error before the first frame is raised, so that it is answered with its own status.

    Args:
        frames: whole server-sent events.
        leaving: ends the stream when it is set.
        keep_alive_s: a comment is sent after so long a silence; None: none is.
        headers: other headers than those of server-sent events.
    """

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        leaving: asyncio.Event,
        keep_alive_s: float | None = KEEP_ALIVE_S,
        headers: Mapping[str, str] = HEADERS,
    ) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._frames = frames
        self._leaving = leaving
        self._keep_alive_s = keep_alive_s
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the frames end, the client is gone or the program leaves."""
        time_limit = scope.get("time_limit")
        if isinstance(time_limit, asyncio.Timeout):
            time_limit.reschedule(None)
        producing = asyncio.create_task(self._produce(send))
        watching = (
            asyncio.create_task(disconnected(receive)),
            asyncio.create_task(self._leaving.wait()),
        )
        try:
            await asyncio.wait((producing, *watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(producing, *watching)
        if not producing.cancelled():
            producing.result()
        elif self._leaving.is_set() and not self._started:
            raise EngineError("The backend is leaving.", remedy="Start it again.")
        elif self._leaving.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _produce(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            upcoming = asyncio.ensure_future(anext(frames, b""))
            try:
                while True:
                    done, _ = await asyncio.wait({upcoming}, timeout=self._keep_alive_s)
                    chunk = upcoming.result() if done else KEEP_ALIVE
                    if not self._started:
                        self._started = True
                        await self._start(send)
                    if not chunk:
                        break
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    if done:
                        upcoming = asyncio.ensure_future(anext(frames, b""))
            finally:
                await ended(upcoming)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def disconnected(receive: Receive) -> None:
    """Return when the client's connection is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they are over, also when the caller is cancelled meanwhile."""
    for task in tasks:
        task.cancel()
    interrupted = False
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            interrupted = True
    if interrupted:
        raise asyncio.CancelledError


async def while_listening(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, and cancel it when the client's connection goes away."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request.receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended(working, gone)
    if working.cancelled():
        raise EngineError("The client went away.")
    return working.result()
