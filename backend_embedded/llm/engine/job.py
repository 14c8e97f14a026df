"""The job that brings the local engine in while the program runs: state, build, cancel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backend_embedded.contract.events import EngineChanged
from backend_embedded.contract.models import BuildFailure, Engine, EngineState
from backend_embedded.llm.engine.cache import default_root
from backend_embedded.llm.engine.presence import engine_is_installed, installed_version

LONGEST_LINE_BYTES = 1 << 20
CANCEL_PATIENCE_S = 10.0


def build_command(cache: Path | None = None) -> list[str]:
    """The command of the child that builds."""
    cache = cache or default_root()
    return [sys.executable, "-m", "backend_embedded.llm.engine", "--json", "--cache", str(cache)]


class EngineJob:
    """The engine of this Python and the one child that builds it.

    Use as an async context manager: leaving it cancels a build that goes on.

    Args:
        publish: is told each change; must not block.
        on_ready: awaited once after a build that succeeded.
        command: the building child (JSON lines, ends at stdin EOF); replaced in tests.
        installed: whether the engine is there.
    """

    def __init__(
        self,
        publish: Callable[[EngineChanged], None],
        on_ready: Callable[[], Awaitable[None]] | None = None,
        command: Sequence[str] | None = None,
        installed: Callable[[], bool] = engine_is_installed,
    ) -> None:
        self._publish = publish
        self._on_ready = on_ready
        self._command = tuple(command or build_command())
        self._installed = installed
        self._engine = (
            Engine(state=EngineState.READY, version=installed_version() or "")
            if installed()
            else Engine(state=EngineState.MISSING)
        )
        self._started_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._cancelled = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cancel()

    def state(self) -> Engine:
        """The engine now; `elapsed_s` runs while it is built."""
        if self._engine.state is EngineState.BUILDING:
            return self._engine.model_copy(update={"elapsed_s": round(time.monotonic() - self._started_s, 1)})
        return self._engine

    async def build(self) -> Engine:
        """Start the build unless it runs or the engine is there; returns at once."""
        if self._task is not None and not self._task.done():
            return self.state()
        if self._installed():
            self._change(Engine(state=EngineState.READY, version=self._engine.version))
            return self.state()
        self._started_s = time.monotonic()
        self._cancelled = False
        self._change(Engine(state=EngineState.BUILDING, phase="starting"))
        self._task = asyncio.create_task(self._run(), name="engine build")
        return self.state()

    async def cancel(self) -> Engine:
        """End a build that runs, its compilers included, and wait until they are gone."""
        task = self._task
        if task is not None and not task.done():
            self._cancelled = True
            self._signal(signal.SIGTERM)
            done, _ = await asyncio.wait([task], timeout=CANCEL_PATIENCE_S)
            if not done:
                self._signal(signal.SIGKILL)
                await asyncio.wait([task])
        return self.state()

    def _signal(self, number: signal.Signals) -> None:
        """Send the child a signal: SIGTERM asks it to end, which it does after its compilers have.

        Not by `Process.send_signal`, which polls first and so takes the exit status from asyncio's own watcher.
        """
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _run(self) -> None:
        ended = False
        try:
            ended = await self._watch_child()
        except OSError as error:
            self._fail(BuildFailure.OTHER, f"The build could not be started: {error}.")
        except asyncio.CancelledError:
            self._signal(signal.SIGKILL)
            raise
        if ended and self._on_ready is not None:
            await self._on_ready()

    async def _watch_child(self) -> bool:
        """Run the child to its end; whether the engine is there then."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LINE_BYTES,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        if self._cancelled:  # while the child was being started
            self._signal(signal.SIGTERM)
        assert process.stdin is not None
        assert process.stdout is not None
        stray: list[str] = []
        async for line in process.stdout:
            self._read(line.decode(errors="replace"), stray)
        status = await process.wait()
        process.stdin.close()
        if status == 0 and self._installed():
            self._change(
                self._engine.model_copy(update={"state": EngineState.READY, "phase": "", **self._elapsed()})
            )
            return True
        if self._cancelled:
            self._fail(BuildFailure.CANCELLED, "The build was cancelled.", self._engine.log_tail)
        elif self._engine.state is EngineState.BUILDING:
            self._fail(BuildFailure.OTHER, f"The build ended with status {status}.", tuple(stray[-30:]))
        return False

    def _read(self, line: str, stray: list[str]) -> None:
        """Take one line of the child: progress, its end, or something that is no JSON (a traceback)."""
        try:
            facts = json.loads(line)
        except ValueError:
            stray.append(line.rstrip())
            return
        match facts:
            case {"phase": str(phase), "step": int(step), "steps": int(steps)}:
                now: dict[str, Any] = {"phase": phase, "step": step, "steps": steps, **self._elapsed()}
                self._change(self._engine.model_copy(update=now))
            case {"failure": str(failure), "message": str(message), "tail": list(tail)}:
                self._fail(BuildFailure(failure), message, tuple(str(line) for line in tail))
            case {"done": True}:
                self._engine = self._engine.model_copy(update={"version": str(facts.get("version") or "")})
            case _:
                stray.append(line.rstrip())

    def _elapsed(self) -> dict[str, float]:
        return {"elapsed_s": round(time.monotonic() - self._started_s, 1)}

    def _fail(self, failure: BuildFailure, message: str, tail: tuple[str, ...] = ()) -> None:
        facts = {
            "state": EngineState.FAILED,
            "failure": failure,
            "message": message,
            "log_tail": tail,
            "phase": "",
        }
        self._change(self._engine.model_copy(update={**facts, **self._elapsed()}))

    def _change(self, engine: Engine) -> None:
        self._engine = engine
        self._publish(EngineChanged(engine=engine))
