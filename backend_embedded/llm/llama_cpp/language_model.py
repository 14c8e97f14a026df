"""`LanguageModel` on llama.cpp: every GGUF file of this machine, each served by a runner process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self

from backend_embedded.contract.events import Event
from backend_embedded.contract.generation import Finished
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import Capability
from backend_embedded.llm.engine.presence import engine_is_installed
from backend_embedded.llm.files.gguf import GgufFile
from backend_embedded.llm.files.library import Entry, ModelLibrary
from backend_embedded.llm.llama_cpp.installed import InstalledModels
from backend_embedded.llm.llama_cpp.rates import MeasuredRates
from backend_embedded.llm.llama_cpp.runner_events import to_wire
from backend_embedded.llm.llama_cpp.runner_process import RunnerProcess
from backend_embedded.llm.llama_cpp.runners import RUNNER_COMMAND, RunnerInfo, Runners, check_queue
from backend_embedded.llm.llama_cpp.standing import Standing
from backend_embedded.llm.llama_cpp.tool_calls import ToolCallReader, check_tools
from backend_embedded.llm.memory import free_bytes, needed_bytes
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, Prompt
from backend_embedded.llm.runner.protocol import (
    Command,
    Count,
    Counted,
    Embed,
    Generate,
    RunnerEvent,
    Sampling,
    Turn,
    Vectors,
)


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
        self._settings = settings
        self._files = ThreadPoolExecutor(1, thread_name_prefix="model files")
        self._installed = InstalledModels(library, models_folder, settings, present, self._files)
        self._standing = Standing(publish)
        self._closing = False
        self._runners = Runners(
            command=command,
            settings=settings,
            find=self._entry,
            default_name=self._installed.default_name,
            engine_there=self._engine_there,
            publish=publish,
            changed=self._tell,
        )

    async def __aenter__(self) -> Self:
        await self.refresh()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        await self._runners.close()
        self._files.shutdown()

    # -- the port ---------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State of the provider now; cheap, no input or output."""
        return self._standing.capability

    async def models(self) -> Sequence[Model]:
        """All models that can be named, the default one marked."""
        await self.refresh()
        return self._models()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """Stream an answer; see the port."""
        async with self._runners.using(prompt.model) as (runner, entry):
            check_tools(prompt, entry.model)
            self._runners.keep(entry.model.name, prompt.keep_alive_s)
            check_queue(runner)
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
        async with self._runners.using(prompt.model) as (runner, entry):
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
        async with self._runners.using(model) as (runner, _):
            answer = await _only(runner, Count(runner.next_id(), texts=tuple(texts)))
        assert isinstance(answer, Counted)
        return tuple(answer.each)

    async def context(self, model: str | None = None) -> ContextFacts:
        """What the model's context holds now, or would hold if it were loaded."""
        entry = await self._entry(model)
        assert entry.header is not None
        name, largest = entry.model.name, entry.header.context_length
        wanted = self._runners.context_size(name)
        process = self._runners.living(name)
        loaded = process is not None and process.config.context_size >= wanted
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
        process = self._runners.living(name)
        seeded = prompt.options.seed is not None and prompt.options.temperature > 0
        if seeded or process is None or process.active:
            return
        async with self._runners.using(name, ahead=True) as (runner, _):
            command = Generate(
                id=runner.next_id(), turns=_turns(prompt), raw=prompt.raw, tools=_tools(prompt), ahead=True
            )
            async with aclosing(runner.request(command)) as events:
                async for _event in events:
                    pass

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """Mean-pooled, normalised vectors of texts."""
        async with self._runners.using(model) as (runner, entry):
            answer = await _only(runner, Embed(runner.next_id(), tuple(texts)))
        assert isinstance(answer, Vectors)
        return Embeddings(entry.model.name, tuple(map(tuple, answer.vectors)), answer.prompt_tokens)

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        """Bring a model into memory now; see the port."""
        if context_size is not None:
            await self._runners.load_larger(await self._entry(model), context_size)
            return
        async with self._runners.using(model):
            pass

    async def unload(self, model: str) -> None:
        """Free a model's memory.

        Raises:
            Conflict: it is answering.
        """
        await self._runners.unload(model)

    # -- beyond the port, for wiring and metrics --------------------------------------------------

    async def refresh(self) -> None:
        """Look again for model files and the engine, and tell what changed."""
        await self._installed.scan()
        self._runners.heed_pins()
        self._tell()

    def runners(self) -> tuple[RunnerInfo, ...]:
        """The runner processes that live now."""
        return self._runners.infos()

    # -- what is there ----------------------------------------------------------------------------

    async def _entry(self, name: str | None) -> Entry:
        if self._installed.old:
            await self.refresh()
        return self._installed.entry(name)

    async def _engine_there(self) -> bool:
        if not self._installed.engine:
            await self.refresh()
        return self._installed.engine

    def _models(self) -> tuple[Model, ...]:
        default = self._installed.default_name()
        return tuple(self._shown(entry.model, entry.header, default) for entry in self._installed.entries)

    def _shown(self, model: Model, header: GgufFile | None, default: str | None) -> Model:
        """A model with what is known of it now."""
        size = self._runners.context_size(model.name)
        return model.model_copy(
            update={
                "loaded": self._runners.living(model.name) is not None,
                "default": model.name == default,
                "pinned": model.name in self._settings().pinned_models,
                "memory_bytes": needed_bytes(header, size) if header is not None else 0,
                "tokens_per_s": self._rates.of(model.name),
            }
        )

    def _tell(self) -> None:
        self._standing.tell(self._models(), self._installed.engine, self._runners.trouble)

    def _measured(self, finished: Finished) -> None:
        """Keep how fast the model was."""
        stats = finished.stats
        rate = stats.tokens_per_s
        if rate and self._rates.note(stats.model, stats.completion_tokens, rate) and not self._closing:
            self._files.submit(self._rates.keep)


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
