"""The figures beside a real Ollama server: rate, first token, and the switch inside an answer."""

from __future__ import annotations

import asyncio
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

from backend_embedded.contract.context import ContextRequest
from backend_embedded.contract.conversations import ChatRequest
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
SYSTEM = "You answer in one line."
LAST_WORD_S = 0.5
"""Time to type the last word of a question: a quick typist's."""


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
    """Our time from Send to the first text of an answer against Ollama's, same questions, none seen before.

    As a person has it: the question is typed, and the window has all but its last word read ahead while
    that is typed. The same without reading ahead is told beside it.
    """
    typed, pasted, theirs = [], [], []
    async with (
        beside(served) as real,
        httpx.AsyncClient(base_url=real.url, timeout=120, trust_env=False) as client,
    ):
        quiet = SettingsPatch(provider=ModelProvider.LLAMA_CPP, propose_titles=False)
        await served.client.patch_settings(quiet)
        await chat_first_ms(client, "warm")
        for number in range(5000, 5000 + 2 * FIRST_TOKEN_ROUNDS, 2):
            theirs.append(await chat_first_ms(client, counting(number)))
            await real.runner_falls_idle()
            typed.append(await our_first_ms(served, counting(number), types=True))
            pasted.append(await our_first_ms(served, counting(number + 1), types=False))
    baseline = (
        f"Ollama {ollama_server.VERSION} {middle(theirs):.1f} ms, ours {middle(typed):.1f} ms; "
        f"not read ahead {middle(pasted):.1f} ms ({middle(pasted) / middle(theirs):.2f} ×)"
    )
    return [Measure("ollama-first-token", middle(typed) / middle(theirs), "×", 0.5, baseline=baseline)]


async def chat_first_ms(client: httpx.AsyncClient, question: str) -> float:
    """Milliseconds until the first text of an answer of Ollama."""
    options = {"temperature": 0, "num_predict": 2, "num_ctx": CONTEXT_TOKENS, "num_thread": threads()}
    turns = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    asked, first = time.perf_counter(), 0.0
    body = {"model": MODEL, "messages": turns, "options": options}
    async with client.stream("POST", "/api/chat", json=body) as response:
        async for line in response.aiter_lines():
            if not first and json.loads(line).get("message", {}).get("content"):
                first = time.perf_counter()
    return (first - asked) * 1_000


async def our_first_ms(served: Served, question: str, *, types: bool) -> float:
    """Milliseconds from Send until the first text of our answer, in a new conversation."""
    draft = ContextRequest(content=question.rpartition(" ")[0], system=SYSTEM, options=greedy(2))
    if types:
        await served.client.context_use(draft.model_copy(update={"read_ahead": True}))
        await asyncio.sleep(LAST_WORD_S)
    asked, first = time.perf_counter(), 0.0
    request = ChatRequest(content=question, system=SYSTEM, options=greedy(2))
    async for event in served.client.chat(request):
        if not first and isinstance(event, TextDelta):
            first = time.perf_counter()
    return (first - asked) * 1_000


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
