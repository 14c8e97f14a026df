"""The runner processes: started when a model is asked, and kept while it may be asked again."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from backend_embedded.contract.events import RunnerExited
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.errors import (
    Conflict,
    ControlCenterError,
    EngineMissing,
    NotEnoughMemory,
    QueueFull,
)
from backend_embedded.llm.files.library import Entry
from backend_embedded.llm.llama_cpp.host import Host
from backend_embedded.llm.llama_cpp.revival import Revival
from backend_embedded.llm.llama_cpp.runner_process import RunnerProcess, resident_bytes
from backend_embedded.llm.memory import check_memory, free_bytes
from backend_embedded.llm.runner.protocol import RunnerConfig

logger = logging.getLogger(__name__)

SEQUENCES = 4
LARGEST_QUEUE = 64
RUNNER_COMMAND = (sys.executable, "-m", "backend_embedded.llm.runner")


def physical_cores() -> int:
    """Cores that this process may use, without their second threads."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable))


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """One runner as metrics show it. `waiting` is part of `active`."""

    pid: int
    model: str
    active: int
    waiting: int
    resident_bytes: int


class Runners:
    """One runner for each model that is loaded.

    Args:
        command: how a runner is started.
        settings: the settings as they are now.
        find: the file of a model, the default one's for None.
        default_name: the model that answers when none is named.
        engine_there: whether the engine is built, looked for again if it was not.
        publish: takes the ends of runners that should not have ended.
        changed: called when another model is loaded, or `trouble` is another.
    """

    def __init__(
        self,
        *,
        command: Sequence[str],
        settings: Callable[[], BackendSettings],
        find: Callable[[str | None], Awaitable[Entry]],
        default_name: Callable[[], str | None],
        engine_there: Callable[[], Awaitable[bool]],
        publish: Callable[[RunnerExited], None],
        changed: Callable[[], None],
    ) -> None:
        self._command = command
        self._settings = settings
        self._find = find
        self._default_name = default_name
        self._engine_there = engine_there
        self._changed = changed
        self._hosts: dict[str, Host] = {}
        self._context_sizes: dict[str, int] = {}
        self._last_used = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._revival = Revival(self.using, publish, changed)

    async def close(self) -> None:
        """End all of them, for good."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(host.close() for host in self._hosts.values()))

    @property
    def trouble(self) -> str:
        """What is wrong with a runner that should live, in words; empty: nothing."""
        return self._revival.trouble

    # -- what there is ----------------------------------------------------------------------------

    def living(self, name: str) -> RunnerProcess | None:
        """The runner of a model, if it is loaded."""
        host = self._hosts.get(name)
        return None if host is None else host.living

    def context_size(self, name: str) -> int:
        """Tokens that a model is to hold: as set for all, or more if it was asked for."""
        return max(self._settings().context_size, self._context_sizes.get(name, 0))

    def infos(self) -> tuple[RunnerInfo, ...]:
        """All that live now."""
        return tuple(
            RunnerInfo(
                pid=process.pid,
                model=name,
                active=process.active,
                waiting=max(0, process.active - SEQUENCES),
                resident_bytes=resident_bytes(process.pid),
            )
            for name, host in self._hosts.items()
            if (process := host.living) is not None
        )

    # -- using one --------------------------------------------------------------------------------

    @asynccontextmanager
    async def using(
        self, name: str | None, *, ahead: bool = False
    ) -> AsyncIterator[tuple[RunnerProcess, Entry]]:
        """The living runner of a model, loaded if need be, and kept while the block lasts.

        Args:
            ahead: nobody waits for what is done with it.
        """
        entry = await self._find(name)
        self._last_used = entry.model.name
        host = self._hosts.setdefault(entry.model.name, Host())
        host.enter()
        host.ahead += ahead
        try:
            async with host.lock:
                process = await self._loaded(host, entry)
            yield process, entry
        finally:
            host.users -= 1
            host.ahead -= ahead
            self._arm_expiry(host)

    def keep(self, name: str, keep_s: float | None) -> None:
        """How long a model is to stay after this use, in seconds; None: as set."""
        self._hosts[name].keep_s = keep_s

    async def _loaded(self, host: Host, entry: Entry) -> RunnerProcess:
        settings = self._settings()
        config = RunnerConfig(
            model_path=entry.model.path,
            name=entry.model.name,
            context_size=self.context_size(entry.model.name),
            threads=settings.threads or physical_cores(),
            sequences=SEQUENCES,
        )
        process = host.living
        if process is not None and (process.config == config or process.active):
            return process
        if not await self._engine_there():
            raise EngineMissing(
                "The local engine, llama.cpp, is not built yet.",
                remedy="Wait for its build, or start it again.",
            )
        await host.close()
        await self._check_memory(entry, config.context_size)
        host.process = await RunnerProcess.start(
            self._command, config, lambda ended: self._ended(host, ended)
        )
        logger.info("runner %d of %s is ready", host.process.pid, entry.model.name)
        self._revival.trouble = ""
        self._changed()
        return host.process

    async def _check_memory(self, entry: Entry, context_size: int) -> None:
        """Refuse what does not fit, after idle models made room for it."""
        assert entry.header is not None
        try:
            check_memory(entry.model.name, entry.header, context_size, free_bytes())
        except NotEnoughMemory:
            idle = [
                host for host in self._hosts.values() if host.process and host.idle and not self._pinned(host)
            ]
            if not idle:
                raise
            await asyncio.gather(*(host.close() for host in idle))
            check_memory(entry.model.name, entry.header, context_size, free_bytes())

    # -- a larger context -------------------------------------------------------------------------

    async def load_larger(self, entry: Entry, context_size: int) -> None:
        """Load a model with a context of so many tokens at least; what cannot be had changes nothing."""
        name = entry.model.name
        before = self._context_sizes.get(name, 0)
        await self._enlarge(entry, context_size)
        try:
            async with self.using(name):
                pass
        except ControlCenterError:
            self._context_sizes[name] = before  # it could be loaded with that
            raise

    async def _enlarge(self, entry: Entry, context_size: int) -> None:
        """Let a model have a larger context; what does not fit in memory is refused and changes nothing."""
        assert entry.header is not None
        name = entry.model.name
        host = self._hosts.setdefault(name, Host())
        host.enter()
        try:
            async with host.lock:
                if context_size <= self.context_size(name):
                    return
                check_memory(name, entry.header, context_size, free_bytes() + self._freeable_bytes(host))
                while (process := host.living) is not None and process.active:
                    await process.idle()
                self._context_sizes[name] = context_size
        finally:
            host.users -= 1
            self._arm_expiry(host)

    def _freeable_bytes(self, reloaded: Host) -> int:
        """Memory of the runners that would be ended: the one that is loaded again, and idle ones."""
        ended = (host for host in self._hosts.values() if host is reloaded or host.idle)
        return sum(resident_bytes(host.process.pid) for host in ended if host.process is not None)

    # -- how long one stays -----------------------------------------------------------------------

    async def unload(self, name: str) -> None:
        """End the runner of a model; what is only read ahead is given up.

        Raises:
            Conflict: it is answering.
        """
        host = self._hosts.get(name)
        if host is None or host.process is None:
            return
        if not host.idle:
            raise Conflict(f"{name} is answering now.", remedy="Stop the answer first, or wait for its end.")
        await host.close()
        self._changed()

    def heed_pins(self) -> None:
        """The settings may have changed: what is pinned stays, what is not any more goes in its time."""
        for host in self._hosts.values():
            if self._pinned(host):
                host.stay()
            elif not host.expires:
                self._arm_expiry(host)

    def _arm_expiry(self, host: Host) -> None:
        keep_s = self._settings().keep_alive_s if host.keep_s is None else host.keep_s
        if host.users or host.process is None or keep_s < 0 or self._closing or self._pinned(host):
            return
        host.expire_in(keep_s, lambda: self._spawn(self._expire(host), "unload"))

    async def _expire(self, host: Host) -> None:
        async with host.lock:
            if host.users == 0:
                await host.close()
        self._changed()

    def _pinned(self, host: Host) -> bool:
        """Whether the model stays in memory whatever the keep-alive says."""
        return host.process is not None and host.process.config.name in self._settings().pinned_models

    # -- after a crash ----------------------------------------------------------------------------

    def _ended(self, host: Host, process: RunnerProcess) -> None:
        """A runner ended that should not have: say so, and bring the one in use back."""
        name = process.config.name
        comes_back = name in (self._last_used, self._default_name()) and not self._closing
        self._revival.note_end(host, process, comes_back=comes_back)
        if comes_back:
            self._spawn(self._revival.bring_back(host, name), f"restart {name}")
        self._changed()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._closing:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def check_queue(runner: RunnerProcess) -> None:
    """Refuse what would wait too long.

    Raises:
        QueueFull: so many wait already.
    """
    waiting = runner.active - SEQUENCES
    if waiting >= LARGEST_QUEUE:
        raise QueueFull(
            f"{waiting} requests wait for {runner.config.name} already.",
            remedy="Try again in a moment.",
            waiting=waiting,
        )
