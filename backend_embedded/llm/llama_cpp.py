"""`LanguageModel` on llama.cpp: one runner process for each model that is loaded."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil

from backend_embedded.contract.events import CapabilityChanged, Event, ModelsChanged, RunnerExited
from backend_embedded.contract.generation import Finished
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import (
    Conflict,
    ControlCenterError,
    EngineCrashed,
    EngineMissing,
    ModelFileInvalid,
    ModelNotFound,
    NotEnoughMemory,
    QueueFull,
)
from backend_embedded.llm.engine import engine_is_installed
from backend_embedded.llm.gguf import GgufFile
from backend_embedded.llm.library import PROVIDER, Entry, ModelLibrary, choose_default
from backend_embedded.llm.memory import check_memory, free_bytes, needed_bytes
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, Prompt
from backend_embedded.llm.rates import MeasuredRates
from backend_embedded.llm.runner.protocol import (
    Command,
    Count,
    Counted,
    Embed,
    Generate,
    RunnerConfig,
    RunnerEvent,
    Sampling,
    Turn,
    Vectors,
)
from backend_embedded.llm.runner_events import to_wire
from backend_embedded.llm.runner_process import RunnerProcess, resident_bytes
from backend_embedded.llm.tool_calls import ToolCallReader, check_tools

logger = logging.getLogger(__name__)

SEQUENCES = 4
LARGEST_QUEUE = 64
SCAN_AGE_S = 2.0
LONGEST_BACKOFF_S = 30.0
RUNNER_COMMAND = (sys.executable, "-m", "backend_embedded.llm.runner")


def physical_cores() -> int:
    """Cores that this process may use, without their second threads."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable))


def backoff_s(deaths: int) -> float:
    """Pause before a runner is started again after it died `deaths` times without ever answering."""
    return 0.0 if deaths <= 1 else min(LONGEST_BACKOFF_S, 0.5 * 2.0 ** (deaths - 2))


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """One runner as metrics show it. `waiting` is part of `active`."""

    pid: int
    model: str
    active: int
    waiting: int
    resident_bytes: int


@dataclass(slots=True)
class _Host:
    """What there is of one model: its runner, and who uses it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    process: RunnerProcess | None = None
    users: int = 0
    deaths: int = 0
    keep_s: float | None = None
    """Seconds that its last prompt asked for it to stay; None: as set."""
    expiry: asyncio.TimerHandle | None = None


class LlamaCppLanguageModel:
    """Serves every GGUF file of the library; open it with `async with`.

    Args:
        library: finds the model files.
        models_folder: searched when the settings name no folder.
        settings: the settings as they are now.
        publish: takes events for the window.
        present: whether the engine is built.
        command: how a runner is started.
        rates: keeps how fast each model is.
    """

    def __init__(
        self,
        *,
        library: ModelLibrary,
        models_folder: Path,
        settings: Callable[[], BackendSettings],
        publish: Callable[[Event], None],
        present: Callable[[], bool] = engine_is_installed,
        command: Sequence[str] = RUNNER_COMMAND,
        rates: MeasuredRates | None = None,
    ) -> None:
        self._rates = rates or MeasuredRates()
        self._library = library
        self._models_folder = models_folder
        self._settings = settings
        self._publish = publish
        self._present = present
        self._command = command
        self._files = ThreadPoolExecutor(1, thread_name_prefix="model files")
        self._entries: dict[str, Entry] = {}
        self._scanned_s = float("-inf")
        self._engine = False
        self._trouble = ""
        self._last_used = ""
        self._hosts: dict[str, _Host] = {}
        self._context_sizes: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._told: tuple[Model, ...] = ()
        self._capability = Capability(
            name="model", state=State.DOWN, provider="embedded", product=PROVIDER, since=datetime.now(UTC)
        )

    async def __aenter__(self) -> Self:
        await self.refresh()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._close(host) for host in self._hosts.values()))
        self._files.shutdown()

    # -- the port ---------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State of the provider now; cheap, no input or output."""
        return self._capability

    async def models(self) -> Sequence[Model]:
        """All models that can be named, the default one marked."""
        await self.refresh()
        return self._models()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """Stream an answer; see the port."""
        async with self._runner(prompt.model) as (runner, entry):
            check_tools(prompt, entry.model)
            self._hosts[entry.model.name].keep_s = prompt.keep_alive_s
            waiting = runner.active - SEQUENCES
            if waiting >= LARGEST_QUEUE:
                raise QueueFull(
                    f"{waiting} requests wait for {entry.model.name} already.",
                    remedy="Try again in a moment.",
                    waiting=waiting,
                )
            command = Generate(
                id=runner.next_id(),
                turns=_turns(prompt),
                raw=prompt.raw,
                continue_last=prompt.continue_last,
                options=Sampling(**prompt.options.model_dump()),
                tools=_tools(prompt),
            )
            calls = ToolCallReader(prompt.tools) if prompt.tools else None
            async with aclosing(runner.request(command)) as events:
                async for event in events:
                    wire = to_wire(event, entry.model)
                    if wire is not None:
                        if isinstance(wire, Finished):
                            self._measured(wire)
                        if calls is None:
                            yield wire
                        else:
                            for step in calls.read(wire):
                                yield step

    async def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt with the model's own template and tokenizer."""
        async with self._runner(prompt.model) as (runner, entry):
            check_tools(prompt, entry.model)
            command = Count(
                runner.next_id(), _turns(prompt), prompt.raw, prompt.continue_last, tools=_tools(prompt)
            )
            answer = await _only(runner, command)
        assert isinstance(answer, Counted)
        return answer.tokens

    async def count_texts(self, texts: Sequence[str], model: str | None = None) -> Sequence[int]:
        """Tokens of each text by itself, in one round trip."""
        if not texts:
            return ()
        async with self._runner(model) as (runner, _):
            answer = await _only(runner, Count(runner.next_id(), texts=tuple(texts)))
        assert isinstance(answer, Counted)
        return tuple(answer.each)

    async def context(self, model: str | None = None) -> ContextFacts:
        """What the model's context holds now, or would hold if it were loaded."""
        entry = await self._entry(model)
        assert entry.header is not None
        name, largest = entry.model.name, entry.header.context_length
        wanted = self._context_size(name)
        host = self._hosts.get(name)
        process = host.process if host is not None else None
        loaded = process is not None and process.alive and process.config.context_size >= wanted
        size = process.context_size if loaded and process else min(wanted, largest) if largest else wanted
        return ContextFacts(
            model=name,
            provider=entry.model.provider,
            size=size,
            largest=largest,
            bytes_per_token=entry.header.kv_bytes_per_token,
            free_bytes=free_bytes(),
            resizable=True,
        )

    async def read_ahead(self, prompt: Prompt) -> None:
        """Read a prompt that may be asked soon, if its runner is loaded and idle.

        What is asked with a seed is read from its start when it is asked, so that it is not read before.
        """
        name = (await self._entry(prompt.model)).model.name
        process = host.process if (host := self._hosts.get(name)) is not None else None
        seeded = prompt.options.seed is not None and prompt.options.temperature > 0
        if seeded or process is None or not process.alive or process.active:
            return
        async with self._runner(name) as (runner, _):
            command = Generate(
                id=runner.next_id(), turns=_turns(prompt), raw=prompt.raw, tools=_tools(prompt), ahead=True
            )
            async with aclosing(runner.request(command)) as events:
                async for _event in events:
                    pass

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """Mean-pooled, normalised vectors of texts."""
        async with self._runner(model) as (runner, entry):
            answer = await _only(runner, Embed(runner.next_id(), tuple(texts)))
        assert isinstance(answer, Vectors)
        return Embeddings(entry.model.name, tuple(map(tuple, answer.vectors)), answer.prompt_tokens)

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        """Bring a model into memory now; see the port."""
        if context_size is None:
            async with self._runner(model):
                return
        entry = await self._entry(model)
        before = self._context_sizes.get(entry.model.name, 0)
        await self._enlarge(entry, context_size)
        try:
            async with self._runner(entry.model.name):
                pass
        except ControlCenterError:
            self._context_sizes[entry.model.name] = before  # it could be loaded with that
            raise

    async def _enlarge(self, entry: Entry, context_size: int) -> None:
        """Let a model have a larger context; what does not fit in memory is refused and changes nothing."""
        assert entry.header is not None
        name = entry.model.name
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        try:
            async with host.lock:
                if context_size <= self._context_size(name):
                    return
                check_memory(name, entry.header, context_size, free_bytes() + self._freeable_bytes(host))
                while host.process is not None and host.process.alive and host.process.active:
                    await host.process.idle()
                self._context_sizes[name] = context_size
        finally:
            host.users -= 1
            self._arm_expiry(host)

    def _freeable_bytes(self, reloaded: _Host) -> int:
        """Memory of the runners that would be ended: the one that is loaded again, and idle ones."""
        ended = (host for host in self._hosts.values() if host is reloaded or not host.users)
        return sum(resident_bytes(host.process.pid) for host in ended if host.process is not None)

    def _context_size(self, name: str) -> int:
        """Tokens that a model is to hold: as set for all, or more if it was asked for."""
        return max(self._settings().context_size, self._context_sizes.get(name, 0))

    async def unload(self, model: str) -> None:
        """Free a model's memory.

        Raises:
            Conflict: it is answering.
        """
        host = self._hosts.get(model)
        if host is None or host.process is None:
            return
        if host.users:
            raise Conflict(f"{model} is answering now.", remedy="Stop the answer first, or wait for its end.")
        await self._close(host)
        self._tell()

    # -- beyond the port, for wiring and metrics --------------------------------------------------

    async def refresh(self) -> None:
        """Look again for model files and the engine, and tell what changed."""
        await self._scan()
        self._heed_pins()
        self._tell()

    def runners(self) -> tuple[RunnerInfo, ...]:
        """The runner processes that live now."""
        return tuple(
            RunnerInfo(
                pid=process.pid,
                model=name,
                active=process.active,
                waiting=max(0, process.active - SEQUENCES),
                resident_bytes=resident_bytes(process.pid),
            )
            for name, host in self._hosts.items()
            if (process := host.process) is not None and process.alive
        )

    # -- which model ------------------------------------------------------------------------------

    async def _scan(self) -> None:
        settings = self._settings()
        folder = Path(settings.models_folder) if settings.models_folder else self._models_folder
        loop = asyncio.get_running_loop()
        entries, self._engine = await loop.run_in_executor(
            self._files,
            lambda: (self._library.scan(folder, settings.default_model), self._engine or self._present()),
        )
        self._entries = {entry.model.name: entry for entry in entries}
        self._scanned_s = loop.time()

    def _default_name(self) -> str | None:
        return choose_default(
            [entry.model for entry in self._entries.values()], self._settings().default_model
        )

    async def _entry(self, name: str | None) -> Entry:
        if asyncio.get_running_loop().time() - self._scanned_s > SCAN_AGE_S:
            await self.refresh()
        wanted = name if name is not None else self._default_name()
        if wanted is None:
            raise ModelNotFound(
                "There is no usable model on this machine.",
                remedy="Put a GGUF file in the models folder, or install the program again.",
            )
        entry = self._entries.get(wanted)
        if entry is None:
            raise ModelNotFound(
                f"There is no model named {wanted}.",
                remedy="Choose one of the list.",
                model=wanted,
                models=sorted(self._entries),
            )
        if entry.model.problem is not None or entry.header is None:
            raise ModelFileInvalid(
                entry.model.problem or f"{entry.model.path} cannot be read.",
                remedy="Fetch the file again, delete it, or choose another model.",
                file=entry.model.path,
            )
        return entry

    # -- its runner -------------------------------------------------------------------------------

    @asynccontextmanager
    async def _runner(self, name: str | None) -> AsyncIterator[tuple[RunnerProcess, Entry]]:
        """The living runner of a model, loaded if need be, and kept while the block lasts."""
        entry = await self._entry(name)
        host = self._hosts.setdefault(entry.model.name, _Host())
        host.users += 1
        self._last_used = entry.model.name
        if host.expiry is not None:
            host.expiry.cancel()
        try:
            async with host.lock:
                process = await self._loaded(host, entry)
            yield process, entry
        finally:
            host.users -= 1
            self._arm_expiry(host)

    async def _loaded(self, host: _Host, entry: Entry) -> RunnerProcess:
        settings = self._settings()
        config = RunnerConfig(
            model_path=entry.model.path,
            name=entry.model.name,
            context_size=self._context_size(entry.model.name),
            threads=settings.threads or physical_cores(),
            sequences=SEQUENCES,
        )
        process = host.process
        if process is not None and process.alive and (process.config == config or process.active):
            return process
        if not self._engine:
            await self.refresh()
        if not self._engine:
            raise EngineMissing(
                "The local engine, llama.cpp, is not built yet.",
                remedy="Wait for its build, or start it again.",
            )
        await self._close(host)
        await self._check_memory(entry, config.context_size)
        host.process = await RunnerProcess.start(
            self._command, config, lambda ended: self._ended(host, ended)
        )
        logger.info("runner %d of %s is ready", host.process.pid, entry.model.name)
        self._trouble = ""
        self._tell()
        return host.process

    async def _check_memory(self, entry: Entry, context_size: int) -> None:
        """Refuse what does not fit, after idle models made room for it."""
        assert entry.header is not None
        try:
            check_memory(entry.model.name, entry.header, context_size, free_bytes())
        except NotEnoughMemory:
            idle = [
                host
                for host in self._hosts.values()
                if host.process and not host.users and not self._pinned(host)
            ]
            if not idle:
                raise
            await asyncio.gather(*(self._close(host) for host in idle))
            check_memory(entry.model.name, entry.header, context_size, free_bytes())

    async def _close(self, host: _Host) -> None:
        process, host.process = host.process, None
        if host.expiry is not None:
            host.expiry.cancel()
        if process is not None:
            await process.close()

    # -- keep-alive -------------------------------------------------------------------------------

    def _arm_expiry(self, host: _Host) -> None:
        keep_s = self._settings().keep_alive_s if host.keep_s is None else host.keep_s
        if host.users or host.process is None or keep_s < 0 or self._closing or self._pinned(host):
            return
        loop = asyncio.get_running_loop()
        host.expiry = loop.call_later(keep_s, lambda: self._spawn(self._expire(host), "unload"))

    async def _expire(self, host: _Host) -> None:
        async with host.lock:
            if host.users == 0:
                await self._close(host)
        self._tell()

    def _pinned(self, host: _Host) -> bool:
        """Whether the model stays in memory whatever the keep-alive says."""
        return host.process is not None and host.process.config.name in self._settings().pinned_models

    def _heed_pins(self) -> None:
        """The settings may have changed: what is pinned stays, what is not any more goes in its time."""
        for host in self._hosts.values():
            if self._pinned(host):
                if host.expiry is not None:
                    host.expiry.cancel()
            elif host.expiry is None or host.expiry.cancelled():
                self._arm_expiry(host)

    # -- after a crash ----------------------------------------------------------------------------

    def _ended(self, host: _Host, process: RunnerProcess) -> None:
        """A runner ended that should not have: say so, and bring the one in use back."""
        name = process.config.name
        if host.process is process:
            host.process = None
        host.deaths = 1 if process.served else host.deaths + 1
        self._announce_exit(name, process.how_it_ended(), backoff_s(host.deaths), process.stderr_tail())
        if name in (self._last_used, self._default_name()) and not self._closing:
            self._trouble = (
                f"The model runner of {name} ended ({process.how_it_ended()}); it is started again."
            )
            self._spawn(self._restart(host, name), f"restart {name}")
        self._tell()

    async def _restart(self, host: _Host, name: str) -> None:
        while host.process is None:
            await asyncio.sleep(backoff_s(host.deaths))
            try:
                async with self._runner(name):
                    return
            except EngineCrashed as error:
                host.deaths += 1
                tail = tuple(error.details.get("stderr", ()))
                self._trouble = error.message
                self._announce_exit(name, error.message, backoff_s(host.deaths), tail)
                self._tell()
            except ControlCenterError as error:
                self._trouble = error.message
                self._tell()
                return

    def _announce_exit(self, name: str, message: str, restart_in_s: float, tail: tuple[str, ...]) -> None:
        logger.warning("runner of %s ended: %s; last lines: %s", name, message, " | ".join(tail[-5:]))
        self._publish(RunnerExited(model=name, message=message, restart_in_s=restart_in_s, stderr_tail=tail))

    # -- telling ----------------------------------------------------------------------------------

    def _models(self) -> tuple[Model, ...]:
        default = self._default_name()
        settings = self._settings()

        def shown(model: Model, header: GgufFile | None) -> Model:
            host = self._hosts.get(model.name)
            loaded = host is not None and host.process is not None and host.process.alive
            size = self._context_size(model.name)
            return model.model_copy(
                update={
                    "loaded": loaded,
                    "default": model.name == default,
                    "pinned": model.name in settings.pinned_models,
                    "memory_bytes": needed_bytes(header, size) if header is not None else 0,
                    "tokens_per_s": self._rates.of(model.name),
                }
            )

        return tuple(shown(entry.model, entry.header) for entry in self._entries.values())

    def _measured(self, finished: Finished) -> None:
        """Keep how fast the model was."""
        stats = finished.stats
        rate = stats.tokens_per_s
        if rate and self._rates.note(stats.model, stats.completion_tokens, rate) and not self._closing:
            self._files.submit(self._rates.keep)

    def _tell(self) -> None:
        """Publish what is different from what was last published."""
        models = self._models()
        if models != self._told:
            self._told = models
            self._publish(ModelsChanged(models=models))
        state, product, reason = self._judge(models)
        now = self._capability
        if (state, product, reason) != (now.state, now.product, now.reason):
            since = now.since if state == now.state else datetime.now(UTC)
            self._capability = now.model_copy(
                update={"state": state, "product": product, "reason": reason, "since": since}
            )
            self._publish(CapabilityChanged(capability=self._capability))

    def _judge(self, models: tuple[Model, ...]) -> tuple[State, str, str]:
        default = next((model for model in models if model.default), None)
        product = PROVIDER if default is None else f"{PROVIDER} · {default.title}"
        if not self._engine:
            return State.DOWN, product, "The local engine, llama.cpp, is not built yet."
        if default is None:
            return State.DOWN, product, "There is no usable model on this machine."
        if self._trouble:
            return State.DEGRADED, product, self._trouble
        return State.OK, product, ""

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._closing:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _turns(prompt: Prompt) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            role=turn.role.value,
            content=turn.content,
            tool_calls=[call.model_dump() for call in turn.tool_calls],
            tool_name=turn.tool_name,
            tool_call_id=turn.tool_call_id,
        )
        for turn in prompt.turns
    )


def _tools(prompt: Prompt) -> list[dict[str, Any]]:
    return [tool.model_dump() for tool in prompt.tools]


async def _only(runner: RunnerProcess, command: Command) -> RunnerEvent:
    """The one event that answers a command."""
    async with aclosing(runner.request(command)) as events:
        return await anext(events)
