"""The engine's job tells each step, can be cancelled, and says why it failed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from backend_embedded.contract.events import EngineChanged
from backend_embedded.contract.models import BuildFailure, Engine, EngineState
from backend_embedded.llm.engine.job import EngineJob

STEPS = """
import json
print(json.dumps({"phase": "fetching", "step": 0, "steps": 0}), flush=True)
print(json.dumps({"phase": "compiling", "step": 12, "steps": 210}), flush=True)
"""
DONE = STEPS + 'print(json.dumps({"done": True, "version": "0.3.36"}), flush=True)'
FULL = (
    STEPS
    + 'print(json.dumps({"failure": "disk_full", "message": "Full.", "tail": ["a", "b"]})); raise SystemExit(1)'
)
CRASH = STEPS + 'raise RuntimeError("boom")'
ENDLESS = STEPS + "import sys; sys.stdin.read()"


class Screen:
    """What a subscriber saw, and a way to wait for it."""

    def __init__(self) -> None:
        self.seen: list[Engine] = []
        self._changed = asyncio.Event()

    def publish(self, event: EngineChanged) -> None:
        self.seen.append(event.engine)
        self._changed.set()

    async def until(self, wanted: Callable[[Engine], bool]) -> Engine:
        async with asyncio.timeout(20):
            while not (self.seen and wanted(self.seen[-1])):
                self._changed.clear()
                await self._changed.wait()
        return self.seen[-1]


def job(screen: Screen, code: str, there: list[bool], ready: list[str] | None = None) -> EngineJob:
    async def on_ready() -> None:
        if ready is not None:
            ready.append("ready")

    return EngineJob(screen.publish, on_ready, [sys.executable, "-c", code], lambda: there[0])


async def test_build_ends_ready_and_tells_once() -> None:
    screen, there = Screen(), [False]
    ready: list[str] = []
    async with job(screen, DONE, there, ready) as engine:
        assert engine.state().state is EngineState.MISSING
        assert (await engine.build()).state is EngineState.BUILDING
        there[0] = True
        last = await screen.until(lambda now: now.state is EngineState.READY)
    assert last.version == "0.3.36"
    assert ready == ["ready"]
    assert (12, 210) in [(now.step, now.steps) for now in screen.seen if now.phase == "compiling"]


async def test_second_build_joins_the_first() -> None:
    screen = Screen()
    async with job(screen, ENDLESS, [False]) as engine:
        await engine.build()
        await screen.until(lambda now: now.phase == "compiling")
        before = len(screen.seen)
        assert (await engine.build()).phase == "compiling"
        assert len(screen.seen) == before


async def test_cancel_ends_the_child_and_can_be_built_again() -> None:
    screen = Screen()
    async with job(screen, ENDLESS, [False]) as engine:
        await engine.build()
        await screen.until(lambda now: now.phase == "compiling")
        ended = await engine.cancel()
        assert (ended.state, ended.failure) == (EngineState.FAILED, BuildFailure.CANCELLED)
        assert (await engine.build()).state is EngineState.BUILDING
        assert engine.state().failure is None


async def test_cancel_at_once() -> None:
    async with job(Screen(), ENDLESS, [False]) as engine:
        await engine.build()
        assert (await engine.cancel()).failure is BuildFailure.CANCELLED


async def test_failure_is_told_with_the_last_lines() -> None:
    screen = Screen()
    async with job(screen, FULL, [False]) as engine:
        await engine.build()
        failed = await screen.until(lambda now: now.state is EngineState.FAILED)
    assert failed.failure is BuildFailure.DISK_FULL
    assert (failed.message, failed.log_tail) == ("Full.", ("a", "b"))


async def test_crash_of_the_child_is_a_failure_with_its_traceback() -> None:
    screen = Screen()
    async with job(screen, CRASH, [False]) as engine:
        await engine.build()
        failed = await screen.until(lambda now: now.state is EngineState.FAILED)
    assert failed.failure is BuildFailure.OTHER
    assert any("boom" in line for line in failed.log_tail)


async def test_child_that_cannot_be_started_is_a_failure() -> None:
    screen = Screen()
    async with EngineJob(screen.publish, None, ["/no/such/program"], lambda: False) as engine:
        await engine.build()
        failed = await screen.until(lambda now: now.state is EngineState.FAILED)
    assert failed.failure is BuildFailure.OTHER


async def test_engine_that_is_there_is_not_built() -> None:
    screen = Screen()
    async with job(screen, CRASH, [True]) as engine:
        assert (await engine.build()).state is EngineState.READY
