"""An Ollama server that does what a test says, on a real socket: also die, hang, and speak nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

GGUF_FACTS = {
    "general.architecture": "llama",
    "general.parameter_count": 134_515_008,
    "general.license": "apache-2.0",
    "llama.context_length": 8192,
}


@dataclass
class ScriptedOllama:
    """What it has, how it answers, and what it was asked.

    Attributes:
        models: names that it has.
        words: pieces of every answer.
        die_after: after so many pieces the socket is torn down.
        end_after: after so many pieces the answer ends without its last line.
        hold_after: after so many pieces it waits for `go`.
        nonsense_after: after so many pieces it sends a line that is not JSON.
        error_after: after so many pieces it sends a line `{"error": ...}`.
        silent: it takes requests for answers and says nothing.
        hung: it takes connections and says nothing at all.
        refuse: status and text of every answer.
        renders: it tells the rendered template, as newer servers do.
        closed: a client went away before its answer was over.
    """

    models: list[str] = field(default_factory=lambda: ["smol:latest"])
    capabilities: list[str] = field(default_factory=lambda: ["completion"])
    words: list[str] = field(default_factory=lambda: ["One", " two", " three", " four", " five"])
    die_after: int | None = None
    end_after: int | None = None
    hold_after: int | None = None
    nonsense_after: int | None = None
    error_after: int | None = None
    silent: bool = False
    hung: bool = False
    refuse: tuple[int, str] | None = None
    renders: bool = True
    last_line: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    pull_lines: list[dict[str, Any]] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    port: int = 0
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen; again on the same port after a stop."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Listen no more, and drop whoever is connected."""
        if self._server is not None:
            # A connection that is taken while the server closes would be left open by asyncio: take no more first.
            for listening in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            for _ in range(20):
                await asyncio.sleep(0)
            self._server.close()
            for talk in tuple(self._talks):
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            for _ in range(20):  # the loop closes what was torn down, and what came in at the last moment
                await asyncio.sleep(0)
            await self._server.wait_closed()
            self._server = None

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """The bodies of the requests to a path."""
        return [body for asked, body in self.asked if asked == path]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():
            writer.transport.abort()
            return
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        talk.add_done_callback(lambda _: writer.transport.abort())

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not self.hung and (request := await _request(reader)) is not None:
                method, path, body = request
                self.asked.append((path, body))
                await self._serve(method, path, body, writer, reader)
            if self.hung:
                await self.go.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    async def _serve(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        writer: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
    ) -> None:
        match method, path:
            case _, "/api/version":
                await _json(writer, 200, {"version": "0.0.1-scripted"})
            case _, "/api/tags":
                await _json(writer, 200, {"models": [self._listed(name) for name in self.models]})
            case _, "/api/ps":
                running = [
                    {**self._listed(name), "size_vram": 0, "context_length": 4096} for name in self.loaded
                ]
                await _json(writer, 200, {"models": running})
            case _, "/api/show":
                shown = {"details": {}, "model_info": GGUF_FACTS, "capabilities": self.capabilities}
                await _json(writer, 200, {**shown, "details": self._details()})
            case "DELETE", "/api/delete":
                known = body["model"] in self.models
                self.models = [name for name in self.models if name != body["model"]]
                await _json(writer, 200 if known else 404, {} if known else {"error": "model not found"})
            case _, "/api/pull":
                await _stream(writer, self.pull_lines)
            case _, "/api/embed":
                vectors = [[3.0, 4.0] for _ in body["input"]]
                await _json(writer, 200, {"model": "x", "embeddings": vectors, "prompt_eval_count": 7})
            case _, "/api/chat" | "/api/generate":
                await self._answer(path, body, writer, reader)
            case _:
                await _json(writer, 404, {"error": "not found"})

    def _listed(self, name: str) -> dict[str, Any]:
        return {"name": name, "model": name, "digest": "d", "size": 1000, "details": self._details()}

    def _details(self) -> dict[str, Any]:
        return {"family": "llama", "quantization_level": "Q4_1", "format": "gguf"}

    async def _answer(
        self, path: str, body: dict[str, Any], writer: asyncio.StreamWriter, reader: asyncio.StreamReader
    ) -> None:
        if self.refuse is not None:
            await _json(writer, self.refuse[0], {"error": self.refuse[1]})
            return
        if path == "/api/generate" and not body.get("prompt"):
            self.loaded = set() if body.get("keep_alive") == 0 else {body["model"]}
            await _json(writer, 200, {"model": body["model"], "done": True, "done_reason": "load"})
            return
        if body.get("_debug_render_only") and self.renders:
            text = "".join(f"<{turn['role']}>{turn['content']}" for turn in body["messages"])
            await _json(writer, 200, {"_debug_info": {"rendered_template": f"{text}<assistant>"}})
            return
        gone = asyncio.create_task(reader.read(1))
        writing = asyncio.create_task(self._write_answer(path, writer))
        try:
            await asyncio.wait((gone, writing), return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                self.closed.set()
                raise ConnectionResetError
            writing.result()
            if writer.transport.is_closing():
                raise ConnectionResetError
        finally:
            gone.cancel()
            writing.cancel()
            await asyncio.gather(gone, writing, return_exceptions=True)
        # The reader was read from by the watch above: this connection takes no other request.
        raise ConnectionResetError

    async def _write_answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            self.waited.set()
            await self.go.wait()
        writer.write(HEAD)
        for number, word in enumerate((*self.words, None)):
            if await self._stumbles(number, writer):
                return
            if word is not None:
                message = {"message": {"role": "assistant", "content": word}}
                piece = {"response": word} if path == "/api/generate" else message
                await _chunk(writer, {"model": "smol", "done": False, **piece, **self.extra})
        await _chunk(
            writer, {"model": "smol", "done": True, "done_reason": "stop", **FIGURES, **self.last_line}
        )
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _stumbles(self, number: int, writer: asyncio.StreamWriter) -> bool:
        """Do what the script has for this place; True when the answer is over with that."""
        if self.hold_after == number:
            self.waited.set()
            await self.go.wait()
        if self.die_after == number:
            writer.transport.abort()
            return True
        if self.end_after == number:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        if self.nonsense_after == number:
            await _raw_chunk(writer, b"{not json\n")
            return True
        if self.error_after == number:
            await _chunk(writer, {"error": "an error was encountered while running the model"})
            return True
        return False


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
FIGURES = {
    "total_duration": 600_000_000,
    "load_duration": 100_000_000,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 130_000_000,
    "eval_count": 5,
    "eval_duration": 250_000_000,
}


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, Any]] | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return method, path, json.loads(body) if body else {}


async def _json(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, lines: list[dict[str, Any]]) -> None:
    writer.write(HEAD)
    for line in lines:
        await _chunk(writer, line)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, line: dict[str, Any]) -> None:
    await _raw_chunk(writer, json.dumps(line).encode() + b"\n")


async def _raw_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


@asynccontextmanager
async def scripted_ollama(**script: Any) -> AsyncIterator[ScriptedOllama]:
    """A server with a script, listening."""
    server = ScriptedOllama(**script)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
