"""One model runner as the backend sees it: started, spoken to, watched and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from backend_embedded import errors
from backend_embedded.contract.errors import ErrorCode
from backend_embedded.errors import ControlCenterError, EngineCrashed, EngineError
from backend_embedded.llm.runner.protocol import (
    Cancel,
    Command,
    Counted,
    Done,
    Failed,
    LoadFailed,
    Ready,
    RunnerConfig,
    RunnerEvent,
    Vectors,
    decode_event,
    encode,
)

LINE_LIMIT_BYTES = 64 * 1024 * 1024
STDERR_LINES = 40
CANCEL_WAIT_S = 0.3
LEAVE_WAIT_S = 1.0
STDERR_WAIT_S = 0.2
_ERRORS: dict[str, type[ControlCenterError]] = {
    ErrorCode.INVALID_INPUT: errors.InvalidInput,
    ErrorCode.CONTEXT_EXCEEDED: errors.ContextExceeded,
    ErrorCode.MODEL_FILE_INVALID: errors.ModelFileInvalid,
    ErrorCode.MODEL_UNSUPPORTED: errors.ModelUnsupported,
    ErrorCode.NOT_ENOUGH_MEMORY: errors.NotEnoughMemory,
    ErrorCode.ENGINE_MISSING: errors.EngineMissing,
}


def error_of(event: Failed | LoadFailed) -> ControlCenterError:
    """A runner's failure as one of ours."""
    kind = _ERRORS.get(event.code, errors.EngineError)
    return kind(event.message, remedy=event.remedy or None, **event.details)


class RunnerProcess:
    """A running child. Make it with `start`, end it with `close`.

    Args:
        process: the child.
        config: what it was told to load.
        on_exit: called once when the child has ended without being asked to.
    """

    def __init__(
        self, process: Process, config: RunnerConfig, on_exit: Callable[[RunnerProcess], None]
    ) -> None:
        self.config = config
        self.pid = process.pid
        self.context_size = config.context_size
        self.served = False
        """Whether it ever answered a request: if so, its end is no sign of one that cannot live."""
        self._process = process
        self._on_exit = on_exit
        self._channels: dict[int, asyncio.Queue[RunnerEvent | None]] = {}
        self._idle = asyncio.Event()
        self._last_id = 0
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._started: asyncio.Future[Ready | LoadFailed | None] = asyncio.get_running_loop().create_future()
        self._closing = False
        self._ended = asyncio.Event()
        self._watch = asyncio.create_task(self._run(), name=f"runner {config.name}")

    @classmethod
    async def start(
        cls, command: Sequence[str], config: RunnerConfig, on_exit: Callable[[RunnerProcess], None]
    ) -> RunnerProcess:
        """Start a child and wait until its model is loaded.

        Raises:
            ControlCenterError: what the runner says, or EngineCrashed if it died of the load.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                limit=LINE_LIMIT_BYTES,
                cwd=Path(__file__).parents[3],
            )
        except OSError as error:
            raise EngineError(
                f"The model runner of {config.name} cannot be started: {error.strerror}.", remedy="Try again."
            ) from error
        runner = cls(process, config, on_exit)
        try:
            await runner._write(encode(config))
            started = await runner._started
        except BaseException:
            await runner.close()
            raise
        match started:
            case Ready():
                runner.context_size = started.context_size
                return runner
            case LoadFailed():
                await runner.close()
                raise error_of(started)
            case None:
                await runner.close()
                raise runner.crash(f"while it loaded {config.model_path}")

    # -- requests ---------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it can take requests."""
        return not self._closing and not self._ended.is_set()

    @property
    def active(self) -> int:
        """Requests that are not finished."""
        return len(self._channels)

    async def idle(self) -> None:
        """Return when no request is under way."""
        if self._channels:
            await self._idle.wait()

    def next_id(self) -> int:
        """A number for the next request."""
        self._last_id += 1
        return self._last_id

    async def request(self, command: Command) -> AsyncGenerator[RunnerEvent, None]:
        """Send a command and yield its events, the last one included.

        Leaving early cancels it in the runner, and waits for that a little.

        Raises:
            ControlCenterError: the runner refused it, or ended.
        """
        channel: asyncio.Queue[RunnerEvent | None] = asyncio.Queue()
        if not self.alive:
            raise self.crash("before the request was sent")
        self._channels[command.id] = channel
        self._idle.clear()
        over = False
        try:
            await self._write(encode(command))
            while not over:
                event = await channel.get()
                over = event is None or isinstance(event, (Done, Failed, Counted, Vectors))
                if event is None:
                    raise self.crash("while it was working")
                if isinstance(event, Failed):
                    raise error_of(event)
                yield event
        finally:
            try:
                if not over and self.alive:
                    await self._cancel(command.id, channel)
            finally:
                del self._channels[command.id]
                if not self._channels:
                    self._idle.set()

    async def _cancel(self, request_id: int, channel: asyncio.Queue[RunnerEvent | None]) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(encode(Cancel(request_id)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_WAIT_S):
                event = await channel.get()
                while event is not None and not isinstance(event, (Done, Failed, Counted, Vectors)):
                    event = await channel.get()

    async def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):  # its end is told by the end of its output
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    # -- its life ---------------------------------------------------------------------------------

    async def close(self) -> None:
        """End the child: stdin is closed, and if that is not enough it is killed."""
        self._closing = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(LEAVE_WAIT_S):
                await self._ended.wait()
        except TimeoutError:
            self._kill()
        await self._watch

    def _kill(self) -> None:
        """Not by `Process.kill`, which polls first and so takes the exit status from asyncio's own watcher."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)

    def crash(self, when: str) -> EngineCrashed:
        """The error of a child that ended by itself."""
        status = self._process.returncode
        details: dict[str, object] = {"model": self.config.name, "stderr": self.stderr_tail()}
        if status is not None:
            details["signal" if status < 0 else "exit_code"] = _signal_name(-status) if status < 0 else status
        return EngineCrashed(
            f"The model runner of {self.config.name} ended {when} ({self.how_it_ended()}).",
            remedy="The runner is started again by itself: ask again, or continue the answer.",
            **details,
        )

    def how_it_ended(self) -> str:
        """Signal or exit status, in words."""
        status = self._process.returncode
        if status is None:
            return "its output closed"
        return f"killed by {_signal_name(-status)}" if status < 0 else f"exit status {status}"

    def stderr_tail(self) -> tuple[str, ...]:
        """The last lines it wrote to stderr."""
        return tuple(self._stderr)

    async def _run(self) -> None:
        """Read what the child writes until it ends, then tell everyone who waits."""
        stderr = asyncio.create_task(self._read_stderr(), name=f"stderr of runner {self.config.name}")
        try:
            await self._read_events()
            await self._process.wait()
        except ValueError as error:  # a line that is none of ours: the child cannot be trusted any more
            self._stderr.append(str(error))
            self._kill()
            await self._process.wait()
        finally:
            await asyncio.wait({stderr}, timeout=STDERR_WAIT_S)
            stderr.cancel()
            self._ended.set()
            if not self._started.done():
                self._started.set_result(None)
            for channel in self._channels.values():
                channel.put_nowait(None)
        if not self._closing and isinstance(self._started.result(), Ready):
            self._on_exit(self)

    async def _read_events(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = decode_event(line)
            if isinstance(event, (Ready, LoadFailed)):
                if not self._started.done():
                    self._started.set_result(event)
            elif (channel := self._channels.get(event.id)) is not None:
                self.served = True
                channel.put_nowait(event)

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self._stderr.append(line.decode("utf-8", "replace").rstrip())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 if it is gone or the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
