"""The doors: tokens/s through each of them against the program's own route, turn about."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
from chat_figures import ROUNDS, TOKENS
from measure import Measure
from served import Served, counting, hear

OWN = "own"
DOORS = ("ollama", "openai")
GREEDY = {"temperature": 0, "top_k": 0, "top_p": 1, "min_p": 0, "repeat_penalty": 1, "seed": 1}


async def doors(served: Served) -> list[Measure]:
    """Rate of the same raw prompt by each way, turn about.

    Of each way the best round counts, and of the doors the slower one.
    """
    info = await served.client.local_api()
    headers = {"Authorization": f"Bearer {info.key}"}
    ways = [OWN, *DOORS]
    best = dict.fromkeys(ways, 0.0)
    async with httpx.AsyncClient(base_url=info.url, headers=headers, trust_env=False, timeout=120) as client:
        for number in range(ROUNDS + 1):
            prompt = counting(7000 + number)
            for way in ways:
                if way == OWN:
                    found = (await hear(served.client, prompt, TOKENS)).tokens_per_s
                else:
                    found = await rate(client, way, served.model, prompt)
                if number:  # the first round warms up
                    best[way] = max(best[way], found)
            ways = [*ways[1:], ways[0]]
    ratio = min(best[door] for door in DOORS) / best[OWN]
    told = ", ".join(f"{door} {best[door]:.1f}" for door in DOORS)
    baseline = f"own route {best[OWN]:.1f} tokens/s, {told}"
    return [Measure("doors", ratio, "×", 0.98, at_least=True, baseline=baseline)]


async def rate(client: httpx.AsyncClient, door: str, model: str, prompt: str) -> float:
    """Tokens/s after the first piece, by the share of the characters."""
    first = last = 0.0
    first_characters = characters = 0
    async for text in pieces(client, door, model, prompt):
        last = time.perf_counter()
        characters += len(text)
        if not first:
            first, first_characters = last, len(text)
    return TOKENS * (characters - first_characters) / characters / (last - first)


async def pieces(client: httpx.AsyncClient, door: str, model: str, prompt: str) -> AsyncIterator[str]:
    """The text as it comes."""
    body: dict[str, Any] = {"model": model, "prompt": prompt, "stream": True}
    if door == "ollama":
        path, more = "/api/generate", {"raw": True, "options": GREEDY | {"num_predict": TOKENS}}
    else:
        path, more = "/v1/completions", {"temperature": 0, "max_tokens": TOKENS, "seed": 1}
    async with client.stream("POST", path, json=body | more) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            data = line.removeprefix("data: ")
            if not data or data == "[DONE]":
                continue
            found = orjson.loads(data)
            if "error" in found:
                raise RuntimeError(str(found["error"]))
            text = found["response"] if door == "ollama" else found["choices"][0]["text"]
            if text:
                yield text
