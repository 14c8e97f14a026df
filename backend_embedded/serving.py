"""Serves the application on a socket until it is told to leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

log = logging.getLogger(__name__)

DRAIN_S = 1
LEAVING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """A uvicorn server that leaves the signals of the process to `leaving_on`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn would end the process by the signal again after it has shut down in order."""
        yield


def make_server(app: ASGIApp) -> Server:
    """A server of `app` that logs nothing of its own and drains for at most `DRAIN_S` seconds."""
    return Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )


async def serve(
    server: Server, listening: socket.socket, leaving: asyncio.Event, started: Callable[[], None]
) -> None:
    """Serve until `leaving` is set; `started` is called when the first request can be answered."""
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    leave = asyncio.create_task(leaving.wait())
    try:
        # Uvicorn accepts as soon as its start-up has run, which has no event of its own; the socket
        # listens already, so that a request that comes before is answered then.
        started()
        await asyncio.wait((serving, leave), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.set()
        server.should_exit = True
        leave.cancel()
        await serving


@contextmanager
def leaving_on(leaving: asyncio.Event, *, at_eof: bool) -> Iterator[None]:
    """Set `leaving` at SIGTERM, SIGINT and (if asked) at the end of stdin."""
    loop = asyncio.get_running_loop()
    for number in LEAVING_SIGNALS:
        loop.add_signal_handler(number, leaving.set)
    watched = at_eof and _watch_stdin(loop, leaving)
    try:
        yield
    finally:
        if watched:
            loop.remove_reader(0)
        for number in LEAVING_SIGNALS:
            loop.remove_signal_handler(number)


def _watch_stdin(loop: asyncio.AbstractEventLoop, leaving: asyncio.Event) -> bool:
    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(0, 65_536):
                log.info("stdin was closed: leaving")
                loop.remove_reader(0)
                leaving.set()

    try:
        loop.add_reader(0, readable)
    except OSError:
        # A plain file or /dev/null cannot be watched and is at its end anyway.
        leaving.set()
        return False
    return True
