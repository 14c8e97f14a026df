"""The supervisor with real child processes: restart, backoff, attaching, leaving."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from own_time import soon

from app.child import StartFailure, start_backend
from app.living_backend import Address, process_lives
from app.paths import HomePaths, home_paths
from app.supervision import BackendState, Lost, Serving, Supervisor, delay_s

SERVES = """
import json, os, sys
launch = json.loads(sys.stdin.readline())
print("first words", file=sys.stderr, flush=True)
print(json.dumps({"ready": True, "url": "http://127.0.0.1:9", "version": "0", "pid": os.getpid()}), flush=True)
sys.stdin.read()
"""
DIES = "import sys; sys.stdin.readline(); print('disk on fire', file=sys.stderr); sys.exit(3)"
REFUSES = """
import json, sys
sys.stdin.readline()
print(json.dumps({"ready": False, "reason": "A newer store.", "url": ""}), flush=True)
"""
SILENT = "import sys; sys.stdin.read(); sys.stdin.close(); import signal; signal.pause()"


@pytest.fixture
def paths(tmp_path: Path) -> HomePaths:
    found = home_paths(str(tmp_path), {})
    found.create()
    return found


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


class Watched:
    """A supervisor in a task, and the states it told."""

    def __init__(self, paths: HomePaths, script: str, **options: object) -> None:
        self.states: list[BackendState] = []
        self._told = asyncio.Condition()
        self.supervisor = Supervisor(paths, python(script), self._on_state, **options)  # type: ignore[arg-type]
        self._tasks: set[asyncio.Task[None]] = set()

    def _on_state(self, state: BackendState) -> None:
        self.states.append(state)
        task = asyncio.get_running_loop().create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._told:
            self._told.notify_all()

    async def until(self, holds: Callable[[list[BackendState]], bool], limit_s: float = 10) -> None:
        async def held() -> None:
            async with self._told:
                await self._told.wait_for(lambda: holds(self.states))

        await soon(held(), limit_s)

    def serving(self) -> list[Serving]:
        return [state for state in self.states if isinstance(state, Serving)]

    def lost(self) -> list[Lost]:
        return [state for state in self.states if isinstance(state, Lost)]


@asynccontextmanager
async def watched(paths: HomePaths, script: str, **options: object) -> AsyncIterator[Watched]:
    one = Watched(paths, script, **options)
    task = asyncio.create_task(one.supervisor.run())
    try:
        yield one
    finally:
        task.cancel()
        await task


async def test_a_killed_backend_is_back_within_two_seconds(paths: HomePaths) -> None:
    async with watched(paths, SERVES) as one:
        await one.until(lambda _: bool(one.serving()))
        first = one.serving()[0].address
        os.kill(first.pid, signal.SIGKILL)
        await one.until(lambda _: len(one.serving()) == 2, limit_s=2)
        second = one.serving()[1].address
        assert second.pid != first.pid
        assert second.token != first.token
        assert "SIGKILL" in one.lost()[0].reason
        assert one.lost()[0].lines == ("first words",)
    assert not process_lives(second.pid)


async def test_a_backend_that_keeps_dying_is_tried_less_and_less(paths: HomePaths) -> None:
    async with watched(paths, DIES) as one:
        await one.until(lambda _: len(one.lost()) >= 2)
        now_s = asyncio.get_running_loop().time()
        assert "disk on fire" in one.lost()[0].reason
        assert one.lost()[1].tries == 2
        assert one.lost()[1].retry_at_s > now_s
        one.supervisor.retry_now()
        await one.until(lambda _: len(one.lost()) >= 3)
        assert "disk on fire" in (paths.state / "backend-stderr.log").read_text()


def test_the_wait_grows_to_a_limit() -> None:
    waits = [delay_s(failures) for failures in range(1, 12)]
    assert waits[:4] == [0, 0.5, 1, 2]
    assert waits == sorted(waits)
    assert waits[-1] == delay_s(1000) == 30


async def test_a_sound_life_forgets_the_failures(paths: HomePaths) -> None:
    async with watched(paths, SERVES, sound_life_s=0.0) as one:
        for number in range(1, 4):
            await one.until(lambda _, number=number: len(one.serving()) == number)
            os.kill(one.serving()[-1].address.pid, signal.SIGKILL)
        await one.until(lambda _: len(one.serving()) == 4)
        assert {lost.tries for lost in one.lost()} == {1}


async def test_the_reason_of_a_refusal_is_told(paths: HomePaths) -> None:
    with pytest.raises(StartFailure) as caught:
        await start_backend(paths, python(REFUSES))
    assert caught.value.reason == "A newer store."


async def test_a_backend_that_says_nothing_is_killed(paths: HomePaths) -> None:
    with pytest.raises(StartFailure, match=r"not ready within"):
        await start_backend(paths, python(SILENT), ready_s=0.2)


async def test_a_command_that_is_not_there_is_a_failure(paths: HomePaths) -> None:
    with pytest.raises(StartFailure, match="could not be started"):
        await start_backend(paths, ["/no/such/program"])


async def test_a_living_backend_is_used_and_replaced_when_it_goes(paths: HomePaths) -> None:
    other = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    found = [Address("http://127.0.0.1:1", "their token", other.pid)]

    async def find(_: HomePaths) -> Address | None:
        return found.pop() if found else None

    async with watched(paths, SERVES, find_living=find) as one:
        await one.until(lambda _: bool(one.serving()))
        assert one.serving()[0] == Serving(
            Address("http://127.0.0.1:1", "their token", other.pid), owned=False
        )
        other.kill()
        await other.wait()
        await one.until(lambda _: len(one.serving()) == 2, limit_s=2)
        assert one.serving()[1].owned
