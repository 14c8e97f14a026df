"""The commands that talk to a backend from a terminal: which backend, interrupts, failures."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from app.child import StartFailure, backend_command, start_backend
from app.exits import FAILURE, INTERRUPTED, TERMINATED, complain
from app.living_backend import living_backend
from app.paths import HomePaths
from app.terminal_chat import chat
from app.terminal_data import data
from app.terminal_models import models
from backend_embedded.contract.errors import ErrorBody
from ui.client.backend import BackendClient
from ui.client.port import ClientError


def run_in_terminal(options: argparse.Namespace, paths: HomePaths) -> int:
    """Carry out `chat`, `models …` or `data …`; returns the exit status."""
    try:
        return asyncio.run(_until_ended(_carry_out(options, paths)))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # who read the answer has gone; nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE


async def _carry_out(options: argparse.Namespace, paths: HomePaths) -> int:
    async with backend_of(paths) as client:
        if options.command == "models":
            return await models(client, options)
        if options.command == "data":
            return await data(client, options)
        return await chat(client, options)


async def _until_ended(work: Coroutine[Any, Any, int]) -> int:
    """Let SIGTERM end the work in order, as Ctrl-C does, and say what failed in one line."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        return TERMINATED
    except ClientError as error:
        return fail(error.body)
    except StartFailure as failure:
        complain(f"{failure.reason} See what is wrong with: sutazai doctor")
        return FAILURE


def fail(error: ErrorBody) -> int:
    """Say in one line what happened and what to do; returns the exit status."""
    complain(f"{error.message} {error.remedy or 'See what is wrong with: sutazai doctor'}")
    return FAILURE


@asynccontextmanager
async def backend_of(paths: HomePaths) -> AsyncGenerator[BackendClient, None]:
    """A client of the home's running backend, or of one that lives as long as this context.

    Raises:
        StartFailure: there is none and none could be started.
    """
    async with contextlib.AsyncExitStack() as stack:
        address = await living_backend(paths)
        if address is None:
            try:
                child = await start_backend(paths, backend_command())
                stack.push_async_callback(child.stop)
                address = child.address
            except StartFailure as failure:
                # another one may have been quicker
                address = await living_backend(paths) if failure.url else None
                if address is None:
                    raise
        client = BackendClient(address.url, address.token)
        stack.push_async_callback(client.aclose)
        yield client
