"""The figures of an answer: rate, first token, four at once, prefix, stop."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from bench_environment import reference_python
from measure import Measure, middle, p95
from served import Baseline, Served, counting, greedy, hear, until

from backend_embedded.contract.conversations import ChatFailed, ChatRequest, ChatStarted
from backend_embedded.contract.generation import GenerateRequest, TextDelta

ROUNDS = 5
RATE_ROUNDS = 9
TOKENS = 200
FIRST_TOKEN_ROUNDS = 11
TURNS = 10
CONVERSATIONS = 3
STOPS = 20
LONG_PROMPT_TOKENS = 1500
READING_CPU_S = 0.15
QUIET_WINDOW_S = 0.03
QUIET_SHARE = 0.1


async def throughput(served: Served) -> list[Measure]:
    """Our rate against the direct one, turn about, so that both feel the same load; the best rounds count.

    What disturbs a round (another program on the core) is not what is asked; the best round of each is the one
    that was disturbed least.
    """
    ours, theirs = [], []
    async with Baseline(sys.executable, "direct.py", served.model_file) as direct:
        for number in range(RATE_ROUNDS):
            theirs.append((await direct.answer([counting(number)], TOKENS))["decode_tokens_per_s"])
            ours.append((await hear(served.client, counting(number), TOKENS)).tokens_per_s)
    told = f"best of {RATE_ROUNDS}: llama.cpp direct {max(theirs):.1f} tokens/s, ours {max(ours):.1f}"
    baseline = f"{told}; medians {middle(theirs):.1f} and {middle(ours):.1f}"
    return [Measure("chat-throughput", max(ours) / max(theirs), "×", 0.95, at_least=True, baseline=baseline)]


async def first_token(served: Served) -> list[Measure]:
    """Our time to the first piece of text less the direct one's, same prompts, none seen before."""
    ours, theirs = [], []
    async with Baseline(sys.executable, "direct.py", served.model_file) as direct:
        for number in range(1000, 1000 + FIRST_TOKEN_ROUNDS):
            theirs.append((await direct.answer([counting(number)], 2))["ttft_ms"])
            ours.append((await hear(served.client, counting(number), 2)).first_ms)
    extra = middle(ours) - middle(theirs)
    return [
        Measure("chat-first-token", extra, "ms", 30, baseline=f"llama.cpp direct {middle(theirs):.1f} ms")
    ]


async def four(served: Served) -> list[Measure]:
    """Four answers at once against the better of llama.cpp's server and a bare loop over one batch.

    Turn about, so that all feel the same load; of each the best round counts.
    """
    prompts = [counting(number) for number in range(4)]
    known = {"llama.cpp in one loop": Baseline(sys.executable, "direct.py", served.model_file)}
    python = await asyncio.to_thread(reference_python)
    if python is not None:
        known["llama.cpp server"] = Baseline(python, "reference_server.py", served.model_file)
    best = dict.fromkeys(known, 0.0)
    ours = 0.0
    async with AsyncExitStack() as stack:
        children = {name: await stack.enter_async_context(child) for name, child in known.items()}
        for _ in range(ROUNDS):
            ours = max(ours, await four_at_once(served, prompts))
            for name, child in children.items():
                rate = (await child.answer(prompts, TOKENS))["total_tokens_per_s"]
                best[name] = max(best[name], rate)
    told = ", ".join(f"{key} {rate:.1f}" for key, rate in best.items())
    baseline = f"{told} tokens/s; ours {ours:.1f}"
    return [Measure("chat-four", ours / max(best.values()), "×", 0.95, at_least=True, baseline=baseline)]


async def four_at_once(served: Served, prompts: list[str]) -> float:
    """Tokens of all answers by the time that all took."""
    started = time.perf_counter()
    heard = await asyncio.gather(*(hear(served.client, prompt, TOKENS) for prompt in prompts))
    return sum(one.stats.completion_tokens for one in heard) / (time.perf_counter() - started)


async def prefix(served: Served) -> list[Measure]:
    """Time to the first token at the tenth turn against the second, of the same conversation."""
    second, tenth = [], []
    for number in range(CONVERSATIONS):
        times = await conversation(served, number)
        second.append(times[1])
        tenth.append(times[TURNS - 1])
    ratio = middle(tenth) / middle(second)
    baseline = f"turn 2 {middle(second):.1f} ms, turn {TURNS} {middle(tenth):.1f} ms"
    return [Measure("chat-prefix", ratio, "×", 1.3, baseline=baseline)]


async def conversation(served: Served, number: int) -> list[float]:
    """Milliseconds to the first token of each turn."""
    times: list[float] = []
    conversation_id = None
    for turn in range(TURNS):
        content = (
            f"Tell me fact number {turn + 1} about the city with the number {number}, in one short sentence."
        )
        request = ChatRequest(conversation_id=conversation_id, content=content, options=greedy(40))
        asked = time.perf_counter()
        first = 0.0
        async for event in served.client.chat(request):
            match event:
                case ChatStarted():
                    conversation_id = event.conversation.id
                case TextDelta() if not first:
                    first = time.perf_counter()
                case ChatFailed():
                    raise RuntimeError(event.error.message)
                case _:
                    pass
        times.append((first - asked) * 1000)
    return times


async def stop(served: Served) -> list[Measure]:
    """From closing the answer to a runner that computes no more, in an answer and in a long prompt."""
    runner = served.runner()
    writing = [await stop_while_writing(served, runner, number) for number in range(STOPS // 2)]
    reading = [await stop_while_reading(served, runner, number) for number in range(STOPS // 2)]
    baseline = f"median while writing {middle(writing):.0f} ms, while reading {middle(reading):.0f} ms"
    return [Measure("chat-stop", p95(writing + reading), "ms", 300, baseline=baseline)]


async def stop_while_writing(served: Served, runner: psutil.Process, number: int) -> float:
    """Stop after some text."""
    answer = served.client.generate(
        GenerateRequest(prompt=counting(2000 + number), raw=True, options=greedy(2000))
    )
    async for event in answer:
        if isinstance(event, TextDelta) and event.tokens > 20:
            break
    stopped = time.perf_counter()
    await answer.aclose()
    return await idle_after_ms(runner, stopped)


async def stop_while_reading(served: Served, runner: psutil.Process, number: int) -> float:
    """Stop while a prompt of 1,500 tokens is read."""
    prompt = f"{3000 + number} " + "word " * LONG_PROMPT_TOKENS
    answer = served.client.generate(GenerateRequest(prompt=prompt, raw=True, options=greedy(10)))
    before = busy_s(runner)
    first = asyncio.ensure_future(anext(answer))
    await until(
        "the prompt is being read", lambda: first.done() or busy_s(runner) - before > READING_CPU_S, 30
    )
    stopped = time.perf_counter()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await answer.aclose()
    return await idle_after_ms(runner, stopped)


def busy_s(process: psutil.Process) -> float:
    """CPU seconds that all threads of a process have used, as the scheduler counts them."""
    total = 0
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue
    return total / 1e9


async def idle_after_ms(
    runner: psutil.Process, since: float, busy: Callable[[psutil.Process], float] = busy_s
) -> float:
    """Milliseconds from `since` to the start of the first window in which the runner does next to nothing."""
    while True:
        start, used = time.perf_counter(), busy(runner)
        await asyncio.sleep(QUIET_WINDOW_S)
        if busy(runner) - used < QUIET_WINDOW_S * QUIET_SHARE:
            return max(0.0, (start - since) * 1000)
