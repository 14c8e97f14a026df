"""The figure of the full-text search: a store of 100,000 messages, asked for words of every frequency."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from measure import Measure, middle, p95
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.storage.embedded import SqliteConversationStore
from backend_embedded.storage.schema import conversations, messages

CONVERSATIONS, EACH = 2_000, 50
WORDS_OF_A_MESSAGE = 60
VOCABULARY = 20_000
HITS = 50
SEED = 7


async def search() -> list[Measure]:
    """Time of a search for the first 50 hits, p95 over rare, middling and common words and pairs of them."""
    with TemporaryDirectory(prefix="sutazai-bench-") as folder:
        async with SqliteConversationStore(Path(folder) / "a.db", lambda _: None) as store:
            chance = random.Random(SEED)
            words = [f"w{number:05d}{chance.choice('aeiou')}" for number in range(VOCABULARY)]
            weights = [1 / (rank + 2) for rank in range(VOCABULARY)]
            await fill(store, chance, words, weights)
            times, hits = [], 0
            for query in queries(chance, words):
                started = time.perf_counter()
                hits += len(await store.search(query, HITS))
                times.append((time.perf_counter() - started) * 1000)
    if hits < len(times):
        raise RuntimeError("the searches found next to nothing")
    told = f"{CONVERSATIONS * EACH:,} messages, {len(times)} queries, median {middle(times):.1f} ms"
    return [Measure("search", p95(times), "ms", 50, baseline=told)]


async def fill(
    store: SqliteConversationStore, chance: random.Random, words: list[str], weights: list[float]
) -> None:
    """Conversations whose words are as frequent as those of a language (Zipf's law)."""
    began = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(CONVERSATIONS):
        conversation = uuid4()
        at = began + timedelta(hours=4 * number)
        rows = []
        parent: UUID | None = None
        for place in range(EACH):
            rows.append(
                {
                    "id": (own := uuid4()),
                    "conversation_id": conversation,
                    "parent_id": parent,
                    "depth": place + 1,
                    "role": "assistant" if place % 2 else "user",
                    "status": "complete",
                    "created_at": at,
                    "text": " ".join(chance.choices(words, weights, k=WORDS_OF_A_MESSAGE)),
                }
            )
            parent = own
        facts = {"id": conversation, "title": f"Chat {words[number]}", "created_at": at, "updated_at": at}
        await store.database.write(_inserting(facts | {"leaf_id": parent, "draft": ""}, rows))


def _inserting(
    conversation: dict[str, Any], rows: list[dict[str, Any]]
) -> Callable[[AsyncConnection], Awaitable[None]]:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(conversations), [conversation])
        await connection.execute(insert(messages), rows)

    return work


def queries(chance: random.Random, words: list[str]) -> list[str]:
    """Words from the commonest on, pairs, phrases, and beginnings of words."""
    found = [words[rank] for rank in (0, 1, 2, 5, 10, 30, 100, 300, 1_000, 3_000, 10_000)] * 3
    for _ in range(60):
        first, second = (words[min(VOCABULARY - 1, int(chance.paretovariate(0.5)))] for _ in range(2))
        found += [f"{first} {second}", first[:5], f'"{first} {second}"']
    return found
