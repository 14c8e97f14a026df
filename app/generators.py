"""Closes asynchronous generators that nobody reads any more, which qasync's loop does not do by itself."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def dropped_generators_closed() -> AsyncIterator[None]:
    """While open, a generator that is dropped in the middle is closed in the loop.

    httpx drops those of its inner streams when an answer is stopped; without this each prints an error.
    """
    loop = asyncio.get_running_loop()
    closing: set[asyncio.Task[None]] = set()

    def close(generator: AsyncGenerator[Any, Any]) -> None:
        task = loop.create_task(_close(generator))
        closing.add(task)
        task.add_done_callback(closing.discard)

    def finalize(generator: AsyncGenerator[Any, Any]) -> None:
        # the collector runs in any thread
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(close, generator)

    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=finalize)
    try:
        yield
        # what was dropped last is announced in the next round of the loop
        for _ in range(3):
            await asyncio.sleep(0)
            await asyncio.gather(*closing, return_exceptions=True)
    finally:
        sys.set_asyncgen_hooks(*before)


async def _close(generator: AsyncGenerator[Any, Any]) -> None:
    with contextlib.suppress(Exception):
        await generator.aclose()
