"""A road to a server of this machine on which everything takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

PIECE_BYTES = 65_536


@dataclass
class SlowRoad:
    """Where to connect, and how long what the server says is on its way.

    Attributes:
        port: of 127.0.0.1.
        delay_s: may be changed while it is used.
    """

    port: int
    delay_s: float = 0.0


@asynccontextmanager
async def slow_road(server_port: int) -> AsyncIterator[SlowRoad]:
    """Carries everything to the server and back."""
    road = SlowRoad(0)
    carriers: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: bool) -> None:
        try:
            with suppress(OSError):
                while piece := await reader.read(PIECE_BYTES):
                    if late:
                        await asyncio.sleep(road.delay_s)
                    writer.write(piece)
                    await writer.drain()
        finally:
            writer.transport.abort()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server_port)
        for one in (carry(reader, back, False), carry(there, writer, True)):
            task = asyncio.create_task(one)
            carriers.add(task)
            task.add_done_callback(carriers.discard)

    listening = await asyncio.start_server(met, "127.0.0.1", 0)
    road.port = listening.sockets[0].getsockname()[1]
    try:
        yield road
    finally:
        listening.close()
        for task in tuple(carriers):
            task.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)
        await listening.wait_closed()
        await asyncio.sleep(0)  # transports that were aborted close their sockets in the next round
