"""Many clients that ask one address over and over, over plain sockets: they cost little themselves.

`load.py URL TOKEN CLIENTS SECONDS` prints one JSON object; run as a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit


@dataclass
class Tally:
    """What the clients saw. Times in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0


class Client(asyncio.Protocol):
    """Sends its request anew as soon as the answer to the last one is whole."""

    def __init__(self, request: bytes, until: float, tally: Tally, done: asyncio.Future[None]) -> None:
        self.request, self.until, self.tally, self.done = request, until, tally, done
        self.buffer = bytearray()
        self.wanted = 0
        self.began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self.ask()

    def ask(self) -> None:
        self.buffer.clear()
        self.wanted = 0
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                self.tally.errors += 1
            self.wanted = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.buffer) < self.wanted:
            return
        now = time.perf_counter()
        self.tally.latencies.append(now - self.began)
        if now < self.until:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.tally.errors += 1
        if not self.done.done():
            self.done.set_result(None)


async def load(url: str, token: str, clients: int, seconds: float) -> dict[str, float]:
    """Figures of so many clients over so long."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    request = (
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nAccept-Encoding: gzip\r\n\r\n"
    ).encode()
    tally = Tally()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    ends = []
    for _ in range(clients):
        done: asyncio.Future[None] = loop.create_future()
        until = began + seconds
        await loop.create_connection(
            lambda done=done, until=until: Client(request, until, tally, done),  # type: ignore[misc]
            parts.hostname,
            parts.port,
        )
        ends.append(done)
    await asyncio.gather(*ends)
    took = time.perf_counter() - began
    latencies = sorted(tally.latencies)
    return {
        "per_s": len(latencies) / took,
        "p50_ms": latencies[len(latencies) // 2] * 1_000,
        "p95_ms": latencies[int(len(latencies) * 0.95)] * 1_000,
        "errors": tally.errors,
    }


if __name__ == "__main__":
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.Loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        print(json.dumps(runner.run(load(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
