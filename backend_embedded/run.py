"""One run of the backend: logs, services, server, and the way out."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path

from pydantic.warnings import UnsupportedFieldAttributeWarning

from backend_embedded.api.app import create_app
from backend_embedded.contract.launch import Launch
from backend_embedded.errors import ControlCenterError
from backend_embedded.launching import CannotStart, announced, listen, ready_line
from backend_embedded.logs.files import logging_to
from backend_embedded.serving import leaving_on, make_server, serve
from backend_embedded.wiring.opening import open_services
from backend_embedded.wiring.readiness import get_ready

log = logging.getLogger(__name__)

LOG_FILE = "backend.log"
PATIENCE_S = 1.0


def run(launch: Launch) -> int:
    """Serve until told to leave; the exit status. Raises CannotStart."""
    # FastAPI hides it while it makes a route; bodies whose validator is made at the first request come after that.
    warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
    with (
        logging_to(Path(launch.paths.state) / LOG_FILE),
        listen(launch.port) as listening,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        try:
            runner.run(_serve(launch, listening))
        except ControlCenterError as error:
            log.error("The backend cannot start: %s", error.message)
            raise CannotStart(f"{error.message} {error.remedy or ''}".strip()) from error
        except OSError as error:
            log.error("The backend cannot start: %s", error)
            raise CannotStart(f"The backend cannot start: {error}") from error
    return 0


async def _serve(launch: Launch, listening: socket.socket) -> None:
    async with open_services(launch.paths) as services:
        app = create_app(services, launch.token, local_api=launch.local_api)
        server = make_server(app)
        ready = ready_line(listening)
        log.info("Serving at %s", ready.url)
        with ExitStack() as stack:
            stack.enter_context(leaving_on(services.leaving, at_eof=launch.leave_at_eof))
            loading: list[asyncio.Task[None]] = []

            def started() -> None:
                gc.freeze()
                gc.enable()
                stack.enter_context(announced(launch.paths, launch.token, ready))
                loading.append(asyncio.create_task(get_ready(services)))

            try:
                await serve(server, listening, services.leaving, started)
            finally:
                await app.state.chat.close()
                app.state.attachments.close()
                for task in loading:
                    task.cancel()
                await asyncio.gather(*loading, return_exceptions=True)
                # All that was heard is stored by now: a child that does not end is not waited for.
                _leave_after(PATIENCE_S)
        log.info("Leaving")


def _leave_after(seconds: float) -> None:
    hurry = threading.Timer(seconds, os._exit, (0,))
    hurry.daemon = True
    hurry.start()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
