"""A time limit that runs out only when nothing moves."""

from __future__ import annotations

import asyncio
import time

import pytest

from backend_embedded.queue.quiet import Progress


async def test_it_runs_out_when_nothing_moves() -> None:
    progress = Progress(0.05, 10)
    began = time.perf_counter()
    with pytest.raises(TimeoutError):
        async with progress.limit():
            await asyncio.Event().wait()
    assert 0.04 < time.perf_counter() - began < 5


async def test_it_waits_while_others_move() -> None:
    progress = Progress(0.5, 10)
    done = asyncio.Event()

    async def others() -> None:
        for _ in range(12):
            await asyncio.sleep(0.06)
            async with progress.limit():
                pass
        done.set()

    moving = asyncio.create_task(others())
    began = time.perf_counter()
    async with progress.limit():
        await done.wait()
    assert time.perf_counter() - began > 0.6, "longer than nothing may move"
    await moving


async def test_but_not_for_ever() -> None:
    progress = Progress(0.5, 1)
    began = time.perf_counter()

    async def others() -> None:
        while True:
            await asyncio.sleep(0.02)
            progress.made()

    moving = asyncio.create_task(others())
    with pytest.raises(TimeoutError):
        async with progress.limit():
            await asyncio.Event().wait()
    assert 0.9 < time.perf_counter() - began < 5
    moving.cancel()
    await asyncio.gather(moving, return_exceptions=True)


async def test_an_error_passes_and_is_no_progress() -> None:
    progress = Progress(0.1, 1)
    with pytest.raises(KeyError):
        async with progress.limit():
            raise KeyError
    assert progress.latest_s == 0
