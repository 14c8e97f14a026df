"""What the figures are taken from: a backend in the foreground, and baseline children that answer JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from backend_embedded.contract.generation import (
    Failed,
    Finished,
    GenerateRequest,
    GenerationStats,
    SamplingOptions,
    TextDelta,
)
from backend_embedded.contract.settings import SettingsPatch
from ui.client.backend import BackendClient

ROOT = Path(__file__).resolve().parents[2]
CONTEXT_TOKENS = 4096
READY_PATIENCE_S = 60.0
RUNNER = "backend_embedded.llm.runner"


def threads() -> int:
    """Threads that decode, ours and the baseline's: one a physical core."""
    usable = len(os.sched_getaffinity(0))
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable))


def greedy(tokens: int) -> SamplingOptions:
    """Options that cost what the baseline's choice of tokens costs."""
    return SamplingOptions(
        temperature=0, top_k=0, top_p=1, min_p=0, repeat_penalty=1, seed=1, max_tokens=tokens
    )


def counting(number: int) -> str:
    """A text that the model goes on with to the limit; each number makes another beginning."""
    return f"List {number}. All the whole numbers in order, with no end: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,"


@dataclass(frozen=True)
class Heard:
    """One answer as the client heard it. Times in seconds of `time.perf_counter`."""

    asked: float
    first: float
    last: float
    tokens_after_first: int
    stats: GenerationStats

    @property
    def tokens_per_s(self) -> float:
        """Rate after the first piece."""
        return self.tokens_after_first / (self.last - self.first)

    @property
    def first_ms(self) -> float:
        """Time to the first piece of text."""
        return (self.first - self.asked) * 1000


async def hear(client: BackendClient, prompt: str, tokens: int) -> Heard:
    """Ask with a raw prompt and listen to the end."""
    asked = time.perf_counter()
    first, last, first_tokens, tokens_so_far = 0.0, 0.0, 0, 0
    async for event in client.generate(GenerateRequest(prompt=prompt, raw=True, options=greedy(tokens))):
        match event:
            case TextDelta():
                last = time.perf_counter()
                tokens_so_far = event.tokens
                if not first:
                    first, first_tokens = last, event.tokens
            case Finished():
                return Heard(asked, first, last, tokens_so_far - first_tokens, event.stats)
            case Failed():
                raise RuntimeError(event.error.message)
            case _:
                pass
    raise RuntimeError("the answer had no end")


@dataclass(frozen=True)
class Served:
    """A backend that serves, with its client."""

    client: BackendClient
    process: psutil.Process
    model: str
    model_file: str

    def runner(self) -> psutil.Process:
        """The process that has the model."""
        found = [child for child in self.process.children(recursive=True) if RUNNER in child.cmdline()]
        return found[0]


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[Served]:
    """`sutazai serve` with a home of its own and the starter model in memory."""
    command = [sys.executable, "-m", "app", "--home", str(home), "serve"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), READY_PATIENCE_S))
        client = BackendClient(ready["url"], (home / "run" / "token").read_text().strip())
        try:
            settings = SettingsPatch(threads=threads(), context_size=CONTEXT_TOKENS, keep_alive_s=-1)
            await client.patch_settings(settings)
            model = next(model for model in await client.models() if model.default)
            await client.unload_model(model.name)
            await client.load_model(model.name)
            yield Served(client, psutil.Process(process.pid), model.name, model.path)
        finally:
            await client.aclose()
    finally:
        process.terminate()
        await process.wait()


class Baseline:
    """A child that answers prompts; leave the block to end it.

    Args:
        python: the Python that runs it.
        script: a file of this folder.
        model_file: the GGUF.
    """

    def __init__(self, python: str, script: str, model_file: str) -> None:
        path = Path(__file__).with_name(script)
        self._command = [python, str(path), model_file, str(threads()), str(CONTEXT_TOKENS)]

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        await self._line()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def answer(self, prompts: Sequence[str], tokens: int) -> dict[str, float]:
        """Have all prompts answered at once with `tokens` tokens each."""
        assert self._process.stdin is not None
        request = json.dumps({"prompts": list(prompts), "tokens": tokens}) + "\n"
        self._process.stdin.write(request.encode())
        await self._process.stdin.drain()
        return await self._line()

    async def _line(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command[1]} ended with {await self._process.wait()}")
        facts: dict[str, float] = json.loads(line)
        return facts


async def until(what: str, probe: Callable[[], Any], patience_s: float) -> Any:
    """Ask every 2 ms until there is an answer."""
    deadline = time.perf_counter() + patience_s
    while not (found := probe()):
        if time.perf_counter() > deadline:
            raise RuntimeError(f"{what}: not within {patience_s} s")
        await asyncio.sleep(0.002)
    return found


async def until_async(what: str, probe: Callable[[], Awaitable[Any]], patience_s: float) -> Any:
    """Ask every 50 ms until there is an answer."""
    deadline = time.perf_counter() + patience_s
    while not (found := await probe()):
        if time.perf_counter() > deadline:
            raise RuntimeError(f"{what}: not within {patience_s} s")
        await asyncio.sleep(0.05)
    return found
