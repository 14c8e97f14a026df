"""The figures beside a real Ollama server: rate, first token, and the switch inside an answer."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from measure import Measure, middle
from served import CONTEXT_TOKENS, Served, counting, greedy, hear, threads, until_async

from backend_embedded.contract.generation import GenerateRequest, Switched, TextDelta
from backend_embedded.contract.settings import ModelProvider, SettingsPatch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "harness"), str(ROOT / "packaging")]

import ollama_server  # noqa: E402
from real_ollama import MODEL, RealOllama, real_ollama  # noqa: E402

ROUNDS = 5
TOKENS = 128
FIRST_TOKEN_ROUNDS = 11
KILLS = 3
KILL_AFTER_TOKENS = 10


@dataclass(frozen=True)
class Theirs:
    """One answer of the server as its client heard it."""

    first_ms: float
    tokens_per_s: float


@asynccontextmanager
async def beside(served: Served) -> AsyncIterator[RealOllama]:
    """A server with the same model; RuntimeError with the reason when there is none."""
    try:
        ollama_server.ensure()
    except ollama_server.NoServerError as reason:
        raise RuntimeError(f"no Ollama: {reason}") from None
    folder = tempfile.mkdtemp(prefix="sutazai-bench-ollama-")
    async with real_ollama(Path(folder), Path(served.model_file)) as real:
        yield real


async def ask(client: httpx.AsyncClient, prompt: str, tokens: int) -> Theirs:
    """One greedy answer to a raw prompt, with our threads and context."""
    options = {
        "temperature": 0, "top_k": 0, "top_p": 1, "min_p": 0, "repeat_penalty": 1, "seed": 1,
        "num_predict": tokens, "num_ctx": CONTEXT_TOKENS, "num_thread": threads(),
    }  # fmt: skip
    body = {"model": MODEL, "prompt": prompt, "raw": True, "options": options}
    asked = time.perf_counter()
    first = last = 0.0
    pieces = 0
    async with client.stream("POST", "/api/generate", json=body) as response:
        async for line in response.aiter_lines():
            found = json.loads(line)
            if found.get("response"):
                last = time.perf_counter()
                first = first or last
                pieces += 1
    return Theirs((first - asked) * 1_000, (pieces - 1) / (last - first) if pieces > 1 else 0.0)


async def decode(served: Served) -> list[Measure]:
    """Our rate against Ollama's, turn about, as their users hear it."""
    ours, theirs = [], []
    async with (
        beside(served) as real,
        httpx.AsyncClient(base_url=real.url, timeout=120, trust_env=False) as client,
    ):
        await served.client.patch_settings(SettingsPatch(provider=ModelProvider.LLAMA_CPP))
        await ask(client, "warm", 2)
        for number in range(4000, 4000 + ROUNDS):
            theirs.append((await ask(client, counting(number), TOKENS)).tokens_per_s)
            await real.runner_falls_idle()
            ours.append((await hear(served.client, counting(number), TOKENS)).tokens_per_s)
    ratio = middle([mine / other for mine, other in zip(ours, theirs, strict=True)])
    baseline = f"Ollama {ollama_server.VERSION} {middle(theirs):.1f} tokens/s, ours {middle(ours):.1f}"
    return [Measure("ollama-decode", ratio, "×", 1.2, at_least=True, baseline=baseline)]


async def first_token(served: Served) -> list[Measure]:
    """Our time to the first piece of text against Ollama's, same prompts, none seen before."""
    ours, theirs = [], []
    async with (
        beside(served) as real,
        httpx.AsyncClient(base_url=real.url, timeout=120, trust_env=False) as client,
    ):
        await served.client.patch_settings(SettingsPatch(provider=ModelProvider.LLAMA_CPP))
        await ask(client, "warm", 2)
        for number in range(5000, 5000 + FIRST_TOKEN_ROUNDS):
            theirs.append((await ask(client, counting(number), 2)).first_ms)
            await real.runner_falls_idle()
            ours.append((await hear(served.client, counting(number), 2)).first_ms)
    baseline = f"Ollama {ollama_server.VERSION} {middle(theirs):.1f} ms, ours {middle(ours):.1f} ms"
    return [Measure("ollama-first-token", middle(ours) / middle(theirs), "×", 0.5, baseline=baseline)]


async def failover(served: Served) -> list[Measure]:
    """From kill -9 of Ollama in the middle of an answer to the next piece of text, llama.cpp loaded."""
    times = []
    async with beside(served) as real:
        await served.client.load_model(served.model)
        patch = SettingsPatch(provider=ModelProvider.AUTO, ollama_url=real.url)
        try:
            await served.client.patch_settings(patch)
            for number in range(KILLS):
                times.append(await killed_answer_ms(served, real, number))
                await real.stop()
                await real.start()
        finally:
            await served.client.patch_settings(SettingsPatch(provider=ModelProvider.LLAMA_CPP, ollama_url=""))
    baseline = f"worst {max(times):.0f} ms of {KILLS} kills"
    return [Measure("failover", middle(times) / 1_000, "s", 1.5, baseline=baseline)]


async def killed_answer_ms(served: Served, real: RealOllama, number: int) -> float:
    """Milliseconds from the kill to the next piece of text."""

    async def in_use() -> bool:
        return any(one.provider == "ollama" for one in (await served.client.status()).capabilities)

    await until_async("Ollama is in use", in_use, 30)
    request = GenerateRequest(prompt=counting(6000 + number), raw=True, options=greedy(TOKENS))
    killed, switched = 0.0, False
    async for event in served.client.generate(request):
        match event:
            case TextDelta() if switched:
                return (time.perf_counter() - killed) * 1_000
            case TextDelta() if not killed and event.tokens >= KILL_AFTER_TOKENS:
                real.kill()
                killed = time.perf_counter()
            case Switched():
                switched = True
            case _:
                pass
    raise RuntimeError("the answer was not gone on with")
