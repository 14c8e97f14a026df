"""What every cache does with values: the one in the program, and a real Redis (`make test-services`)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from cache_stage import until

from backend_embedded.cache.keys import (
    Kind,
    LockKey,
    Prefix,
    agent_status_key,
    answer_key,
    entity_key,
    session_key,
    task_result_key,
)
from backend_embedded.cache.packing import LARGEST_INTEGER, SMALLEST_INTEGER
from backend_embedded.cache.port import CacheAdapter
from backend_embedded.errors import CacheError

KEYS = [
    session_key("u", "s"),
    agent_status_key("planner"),
    task_result_key(uuid4()),
    answer_key("what?"),
    entity_key("task", uuid4(), "v1"),
]
VALUES: list[Any] = [
    "text",
    "",
    "é\u0000\U0001f600",
    0,
    -7,
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    1.5,
    True,
    False,
    b"\x00\xff",
    [],
    {},
    {"a": [1, {"b": None}], "c": "d" * 10},
    "x" * 1_023,
    "x" * 100_000,
    {"rows": [{"id": str(number), "name": "task"} for number in range(1_000)]},
    datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.kind))
async def test_what_is_kept_is_found_until_it_is_deleted(cache: CacheAdapter, key: Any) -> None:
    assert await cache.get(key) is None
    await cache.set(key, "first")
    await cache.set(key, "second")
    assert await cache.get(key) == "second"
    assert await cache.delete(key) == 1
    assert await cache.get(key) is None
    assert await cache.delete(key) == 0
    assert await cache.delete() == 0


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {str(value)[:12]!r}")
async def test_values_come_back_as_they_were(cache: CacheAdapter, value: Any) -> None:
    await cache.set(KEYS[0], value)
    found = await cache.get(KEYS[0])
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("value", [None, object(), {1, 2}, LARGEST_INTEGER + 1, [2**64], "\ud800"])
async def test_what_cannot_be_kept_is_refused(cache: CacheAdapter, value: Any) -> None:
    await cache.set(KEYS[0], "before")
    with pytest.raises((TypeError, ValueError)):
        await cache.set(KEYS[0], value)
    assert await cache.get(KEYS[0]) == "before"


async def test_a_value_that_was_given_may_change_afterwards(cache: CacheAdapter) -> None:
    value = {"a": [1]}
    await cache.set(KEYS[0], value)
    value["a"].append(2)
    found = await cache.get(KEYS[0])
    found["a"].append(3)
    assert await cache.get(KEYS[0]) == {"a": [1]}


async def test_keys_of_other_parts_are_other_keys(cache: CacheAdapter) -> None:
    names = ["a", "A", "a b", "a%20b", "a:b", "a*", "ä", "a\n", "a/b", "[a]", "?"]
    for number, name in enumerate(names):
        await cache.set(agent_status_key(name), number)
    assert [await cache.get(agent_status_key(name)) for name in names] == list(range(len(names)))


async def test_a_value_ends(cache: CacheAdapter) -> None:
    await cache.set(KEYS[0], "short", ttl_s=0.05)
    await cache.set(KEYS[1], "long", ttl_s=100)
    await cache.set(KEYS[2], "short", ttl_s=0.05)
    await cache.set(KEYS[2], "long", ttl_s=100)

    async def ended() -> bool:
        return await cache.get(KEYS[0]) is None

    await until("the value ends", ended)
    assert await cache.setnx(KEYS[0], "again")
    assert await cache.get(KEYS[1]) == "long"
    assert await cache.get(KEYS[2]) == "long"


@pytest.mark.parametrize("ttl_s", [0, -1, float("nan")])
async def test_a_time_to_live_is_above_zero(cache: CacheAdapter, ttl_s: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        await cache.set(KEYS[0], 1, ttl_s)
    with pytest.raises(ValueError, match="above 0"):
        await cache.setnx(KEYS[0], 1, ttl_s)
    with pytest.raises(ValueError, match="above 0"):
        await cache.acquire(LockKey("a", "b"), ttl_s)


async def test_only_the_first_of_several_is_kept(cache: CacheAdapter) -> None:
    kept = await asyncio.gather(*(cache.setnx(KEYS[0], number) for number in range(20)))
    assert kept.count(True) == 1
    assert await cache.get(KEYS[0]) == kept.index(True)


async def test_counting_loses_nothing(cache: CacheAdapter) -> None:
    sums = await asyncio.gather(*(cache.incr(KEYS[0]) for _ in range(100)))
    assert sorted(sums) == list(range(1, 101))
    assert await cache.incr(KEYS[0], -100) == 0
    assert await cache.get(KEYS[0]) == 0
    await cache.set(KEYS[0], 40)
    assert await cache.incr(KEYS[0], 2) == 42


async def test_counting_is_exact_to_the_last_of_64_bits(cache: CacheAdapter) -> None:
    assert await cache.incr(KEYS[0], LARGEST_INTEGER - 1) == LARGEST_INTEGER - 1
    assert await cache.incr(KEYS[0]) == LARGEST_INTEGER
    with pytest.raises(CacheError):
        await cache.incr(KEYS[0])
    assert await cache.get(KEYS[0]) == LARGEST_INTEGER


@pytest.mark.parametrize("value", ["1", 1.0, True, [1]])
async def test_only_whole_numbers_are_counted(cache: CacheAdapter, value: Any) -> None:
    await cache.set(KEYS[0], value)
    with pytest.raises(CacheError):
        await cache.incr(KEYS[0])
    assert await cache.get(KEYS[0]) == value


async def test_counting_does_not_prolong(cache: CacheAdapter) -> None:
    await cache.set(KEYS[0], 1, ttl_s=1)
    assert await cache.incr(KEYS[0]) == 2

    async def ended() -> bool:
        return await cache.get(KEYS[0]) is None

    await until("the count ends", ended)
    assert await cache.incr(KEYS[0]) == 1


async def test_keys_are_found_by_their_beginning(cache: CacheAdapter) -> None:
    for number in range(1_500):
        await cache.set(entity_key("task", str(number), "v"), number)
    await cache.set(entity_key("tasks", "1", "v"), 1)
    await cache.set(entity_key("t*", "1", "v"), 1)
    await cache.set(agent_status_key("cache"), 1)
    found = await cache.scan(Prefix(Kind.ENTITY, ("task",)))
    assert sorted(found) == sorted(f"cache:task:{number}:v" for number in range(1_500))
    assert list(await cache.scan(Prefix(Kind.ENTITY, ("task", "7")))) == ["cache:task:7:v"]
    assert list(await cache.scan(Prefix(Kind.ENTITY, ("t*",)))) == ["cache:t%2A:1:v"]
    assert len(await cache.scan(Prefix(Kind.ENTITY))) == 1_502
    assert list(await cache.scan(Prefix(Kind.SESSION))) == []
