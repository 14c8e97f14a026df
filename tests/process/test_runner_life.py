"""A model runner lives, is killed, comes back, is unloaded, and refuses bad files, in real processes."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from own_time import Deadline, soon
from program import gone
from served_backend import until

from backend_embedded.contract.events import CapabilityChanged, Event, ModelsChanged, RunnerExited
from backend_embedded.contract.generation import ChatTurn, Finished, Role, SamplingOptions, TextDelta
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import State
from backend_embedded.errors import (
    Conflict,
    ContextExceeded,
    EngineCrashed,
    EngineError,
    EngineMissing,
    ModelFileInvalid,
    ModelNotFound,
    ModelUnsupported,
    NotEnoughMemory,
    QueueFull,
)
from backend_embedded.llm import memory
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp import runners
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.port import Prompt


class Stage:
    """An adapter under test, what it published, and settings that can be changed."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.models_folder = folder / "models"
        self.models_folder.mkdir()
        self.settings = BackendSettings(context_size=1024)
        self.events: list[Event] = []
        self._published = asyncio.Event()
        self.adapter = LlamaCppLanguageModel(
            library=ModelLibrary(folder / "cache", find_starter()),
            models_folder=self.models_folder,
            settings=lambda: self.settings,
            publish=self._publish,
            **options,
        )

    def change(self, **fields: Any) -> None:
        self.settings = self.settings.model_copy(update=fields)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10) -> None:
        """Wait until a condition holds, looked at after each published event; so many seconds of `own_time`."""
        deadline = Deadline(timeout_s)
        while not condition():
            assert not deadline.passed, f"not within {timeout_s} s"
            self._published.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._published.wait()

    def pids(self) -> list[int]:
        return [runner.pid for runner in self.adapter.runners()]

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def _publish(self, event: Event) -> None:
        self.events.append(event)
        self._published.set()


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[Stage]:
    stage = Stage(folder, **options)
    async with stage.adapter:
        yield stage


def prompt(text: str = "Tell me a story.", model: str | None = None, **options: Any) -> Prompt:
    chosen = SamplingOptions(**({"seed": 1, "max_tokens": 8} | options))
    return Prompt(turns=(ChatTurn(role=Role.USER, content=text),), model=model, options=chosen)


async def answer(stage: Stage, asked: Prompt) -> str:
    text = ""
    async with aclosing(stage.adapter.generate(asked)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
            last = event
    assert isinstance(last, Finished)
    return text


@pytest.mark.allow_logs("ended")
async def test_a_runner_killed_in_an_answer_is_told_and_comes_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        await stage.adapter.load()
        (pid,) = stage.pids()

        async def killed_at_first_text() -> None:
            async with aclosing(stage.adapter.generate(prompt(max_tokens=500))) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        psutil.Process(pid).kill()

        with pytest.raises(EngineCrashed) as caught:
            await killed_at_first_text()
        assert caught.value.details["signal"] == "SIGKILL"
        await stage.until(lambda: bool(stage.pids()), timeout_s=2)
        assert stage.pids() != [pid]
        (exited,) = stage.of(RunnerExited)
        assert exited.restart_in_s == 0
        assert "SIGKILL" in exited.message
        states = [event.capability.state for event in stage.of(CapabilityChanged)]
        assert states[-2:] == [State.DEGRADED, State.OK]
        assert await answer(stage, prompt())


@pytest.mark.allow_logs("ended")
async def test_an_idle_runner_that_is_killed_comes_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        await stage.adapter.load()
        for _ in range(2):
            (pid,) = stage.pids()
            psutil.Process(pid).kill()
            await stage.until(lambda pid=pid: bool(stage.pids()) and stage.pids() != [pid], timeout_s=5)
        assert [event.restart_in_s for event in stage.of(RunnerExited)] == [0.0, 0.5]


async def test_a_runner_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    script = "import sys; sys.stdin.readline(); print('no luck', file=sys.stderr); sys.exit(3)"
    async with opened(tmp_path, command=(sys.executable, "-c", script)) as stage:
        with pytest.raises(EngineCrashed) as caught:
            await answer(stage, prompt())
    assert caught.value.details["exit_code"] == 3
    assert "no luck" in caught.value.details["stderr"]


async def test_a_runner_that_talks_nonsense_is_ended(tmp_path: Path) -> None:
    script = "print('hello', flush=True); input(); input()"
    async with opened(tmp_path, command=(sys.executable, "-c", script)) as stage:
        with pytest.raises(EngineCrashed):
            await answer(stage, prompt())


async def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, command=(str(tmp_path / "nothing"),)) as stage:
        with pytest.raises(EngineError):
            await answer(stage, prompt())


async def test_an_idle_model_is_unloaded_and_loads_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        stage.change(keep_alive_s=0)
        assert await answer(stage, prompt())
        await stage.until(lambda: not any(model.loaded for model in stage.of(ModelsChanged)[-1].models))
        assert stage.pids() == []
        assert stage.adapter.capability().state is State.OK
        assert await answer(stage, prompt())


async def test_a_new_context_size_reloads_at_the_next_use(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        await stage.adapter.load()
        before = stage.pids()
        stage.change(context_size=256)
        with pytest.raises(ContextExceeded) as caught:
            await answer(stage, prompt("word " * 400))
        assert caught.value.details["context_size"] == 256
        assert stage.pids() != before


async def test_two_loads_at_once_make_one_runner(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        await asyncio.gather(*(stage.adapter.load() for _ in range(4)))
        assert len(stage.pids()) == 1


async def test_a_model_that_answers_is_not_unloaded(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage, aclosing(stage.adapter.generate(prompt(max_tokens=None))) as events:
        await anext(events)
        with pytest.raises(Conflict):
            await stage.adapter.unload(stage.adapter.runners()[0].model)
        (runner,) = stage.adapter.runners()
        assert (runner.active, runner.waiting) == (1, 0)
        assert runner.resident_bytes > 50_000_000


async def test_what_is_only_read_ahead_does_not_keep_a_model_loaded(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        stage.change(context_size=8192)
        await stage.adapter.load()
        (runner,) = stage.adapter.runners()
        draft = Prompt(turns=(ChatTurn(role=Role.USER, content="a long draft " * 2_000),))
        reading = asyncio.create_task(stage.adapter.read_ahead(draft))
        await until("the draft is read", lambda: stage.adapter.runners()[0].active == 1)
        await stage.adapter.unload(runner.model)
        with pytest.raises(EngineCrashed):
            await reading
        assert stage.pids() == []
        assert stage.of(RunnerExited) == [], "it was asked to end"


async def test_a_full_queue_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "SEQUENCES", 1)
    monkeypatch.setattr(runners, "LARGEST_QUEUE", 0)
    async with opened(tmp_path) as stage, aclosing(stage.adapter.generate(prompt(max_tokens=None))) as events:
        await anext(events)
        with pytest.raises(QueueFull):
            await answer(stage, prompt())


async def test_more_than_the_context_at_once_is_all_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        stage.change(context_size=256)
        asked = [prompt(f"{number}: tell a long story.", max_tokens=80) for number in range(4)]
        await asyncio.gather(*(answer(stage, one) for one in asked))


async def test_without_the_engine_it_says_so_and_starts_when_it_is_there(tmp_path: Path) -> None:
    built = False
    async with opened(tmp_path, present=lambda: built) as stage:
        assert stage.adapter.capability().state is State.DOWN
        with pytest.raises(EngineMissing):
            await answer(stage, prompt())
        built = True
        assert await answer(stage, prompt())
        assert stage.adapter.capability().state is State.OK


async def test_too_little_memory_is_told_with_the_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "free_bytes", lambda: 200 * 1024 * 1024)
    async with opened(tmp_path) as stage:
        with pytest.raises(NotEnoughMemory) as caught:
            await answer(stage, prompt())
    details = caught.value.details
    assert details["needed_bytes"] > details["free_bytes"] == 200 * 1024 * 1024
    assert memory.free_bytes() > 0


def starter_copy(folder: Path, name: str) -> Path:
    starter = find_starter()
    assert starter is not None
    return Path(shutil.copyfile(starter, folder / name))


async def test_bad_files_are_told_apart_and_the_good_one_still_answers(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        folder = stage.models_folder
        (folder / "text.gguf").write_text("this is no model")
        with starter_copy(folder, "short.gguf").open("r+b") as file:
            file.truncate(50_000_000)
        with starter_copy(folder, "strange.gguf").open("r+b") as file:
            start = file.read(4_000_000)
            file.seek(start.index(b"llama", start.index(b"general.architecture")))
            file.write(b"mamma")
        with starter_copy(folder, "corrupt.gguf").open("r+b") as file:
            file.seek(start.index(b"blk.0.attn_k.weight"))
            file.write(b"blk.0.attn_k.wrongs")
        await stage.adapter.refresh()
        for name, kind in (
            ("text", ModelFileInvalid),
            ("short", ModelFileInvalid),
            ("strange", ModelUnsupported),
            ("corrupt", ModelFileInvalid),
        ):
            with pytest.raises(kind) as caught:
                await answer(stage, prompt(model=name))
            assert f"{name}.gguf" in caught.value.message
            assert caught.value.remedy
        problems = {model.name: model.problem or "" for model in await stage.adapter.models()}
        assert "not a GGUF" in problems["text"]
        assert "98362432" in problems["short"]
        assert await answer(stage, prompt())


async def test_tinyllama_is_the_default_as_soon_as_its_file_is_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        copy = starter_copy(stage.models_folder, "tinyllama-1.1b-chat-v1.0.Q4_0.gguf")
        (default,) = [model for model in await stage.adapter.models() if model.default]
        assert default.name == copy.stem
        copy.unlink()
        (default,) = [model for model in await stage.adapter.models() if model.default]
        assert default.name.startswith("SmolLM2")
        with pytest.raises(ModelNotFound):
            await answer(stage, prompt(model=copy.stem))


async def test_the_runner_leaves_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed while its runner loads; stdin is held open by us, so only the kernel can tell."""
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'backend_embedded.llm.runner'],"
        " stdin=sys.stdin, stderr=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    root = Path(memory.__file__).parents[2]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    runner = psutil.Process(int(await parent.stdout.readline()))
    starter = find_starter()
    line = f'{{"model_path":"{starter}","name":"x","context_size":256,"threads":1}}\n'
    parent.stdin.write(line.encode())
    assert b'"ready"' in await parent.stdout.readline()
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await soon(parent.stdout.read(), 2)  # ends when the runner, which has it too, is gone
    assert gone([runner], within_s=2), "its output ends a moment before it does"
    parent.stdin.close()
