"""What every cache does: the one in the program, and a real Redis (`make test-services`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from real_redis import RealRedis, real_redis

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.holding import held
from backend_embedded.cache.keys import (
    Kind,
    LockKey,
    Prefix,
    agent_status_key,
    answer_key,
    entity_key,
    rate_key,
    session_key,
    task_result_key,
)
from backend_embedded.cache.packing import LARGEST_INTEGER, SMALLEST_INTEGER
from backend_embedded.cache.port import CacheAdapter
from backend_embedded.errors import CacheError, Conflict

WITHIN_S = 5.0
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


@pytest.fixture(scope="module", params=["embedded", pytest.param("redis", marks=pytest.mark.services)])
def server(request: pytest.FixtureRequest) -> Iterator[RealRedis | None]:
    """A real Redis; None stands for the cache in the program."""
    if request.param == "embedded":
        yield None
        return
    with real_redis() as there:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\ncache: Redis {there.version} at 127.0.0.1:{there.port}")  # noqa: T201
        yield there


@pytest.fixture
async def cache(server: RealRedis | None) -> AsyncIterator[CacheAdapter]:
    """An empty cache."""
    if server is None:
        yield EmbeddedCache()
        return
    from backend_embedded.cache.redis import RedisCache

    real = RedisCache(server.url, namespace=f"{uuid4().hex}:", call_s=5)
    try:
        yield real
    finally:
        await real.aclose()


async def until(what: str, true: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so; AssertionError that names `what` after some seconds."""
    async with asyncio.timeout(WITHIN_S):
        while not await true():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await asyncio.Event().wait()


# -- values ---------------------------------------------------------------------------------------


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
    await cache.set(KEYS[0], 1, ttl_s=0.3)
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


# -- locks ----------------------------------------------------------------------------------------


async def test_one_at_a_time_holds_a_lock(cache: CacheAdapter) -> None:
    key, other = LockKey("agent", "planner"), LockKey("agent", "coder")
    lock = await cache.acquire(key, 60)
    assert lock is not None
    assert await cache.acquire(key, 60) is None
    assert await cache.acquire(other, 60) is not None
    assert await cache.extend(lock, 60)
    assert await cache.release(lock)
    assert not await cache.release(lock)
    assert not await cache.extend(lock, 60)
    again = await cache.acquire(key, 60)
    assert again is not None
    assert again.fence > lock.fence
    assert again.token != lock.token
    assert not await cache.release(lock)
    assert await cache.release(again)


async def test_a_lock_runs_out_and_its_holder_can_do_no_harm(cache: CacheAdapter) -> None:
    key = LockKey("agent", "planner")
    first = await cache.acquire(key, 0.05)
    assert first is not None
    found = []

    async def got() -> bool:
        lock = await cache.acquire(key, 60)
        found.append(lock)
        return lock is not None

    await until("the lock runs out", got)
    second = found[-1]
    assert second.fence > first.fence
    assert not await cache.extend(first, 60)
    assert not await cache.release(first)
    assert await cache.acquire(key, 60) is None
    assert await cache.release(second)


async def test_an_extended_lock_outlives_its_first_time(cache: CacheAdapter) -> None:
    key = LockKey("agent", "planner")
    lock = await cache.acquire(key, 0.2)
    assert lock is not None
    witness = await cache.acquire(LockKey("agent", "witness"), 0.2)
    assert witness is not None
    assert await cache.extend(lock, 60)

    async def witness_ended() -> bool:
        return await cache.acquire(LockKey("agent", "witness"), 0.2) is not None

    await until("the witness runs out", witness_ended)
    assert await cache.acquire(key, 60) is None


async def test_fencing_numbers_pass_what_they_are_told(cache: CacheAdapter) -> None:
    far = 2**52
    first = await cache.acquire(LockKey("a", "1"), 60, after=far)
    second = await cache.acquire(LockKey("a", "2"), 60)
    assert first is not None
    assert second is not None
    assert far < first.fence < second.fence


async def test_under_contention_one_is_inside_and_the_numbers_grow(cache: CacheAdapter) -> None:
    key = LockKey("file", "shared")
    inside, fences, most = 0, [], 0

    async def worker() -> None:
        nonlocal inside, most
        for _ in range(5):
            async with held(cache, key, ttl_s=30, wait_s=30) as lock:
                inside += 1
                most = max(most, inside)
                fences.append(lock.fence)
                await cache.incr(KEYS[0])
                inside -= 1

    await asyncio.gather(*(worker() for _ in range(10)))
    assert most == 1
    assert len(fences) == 50
    assert all(before < after for before, after in pairwise(fences))
    assert await cache.get(KEYS[0]) == 50


async def test_who_does_not_get_it_in_time_is_told(cache: CacheAdapter) -> None:
    key = LockKey("file", "shared")
    async with held(cache, key, ttl_s=30):
        with pytest.raises(Conflict, match="file shared"):
            async with held(cache, key, ttl_s=30, wait_s=0.02):
                raise AssertionError("nobody gets in here")
    with pytest.raises(ZeroDivisionError):
        async with held(cache, key, ttl_s=30):
            raise ZeroDivisionError
    assert await cache.acquire(key, 30) is not None


# -- rates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["fixed", "sliding"])
async def test_so_many_are_allowed_and_no_more(cache: CacheAdapter, form: str) -> None:
    hit = cache.hit_fixed if form == "fixed" else cache.hit_sliding
    key = rate_key("key", "/api/chat")
    window_s = 3_600 * 24 * 365 * 100  # no window ends while this runs
    verdicts = await asyncio.gather(*(hit(key, 10, window_s) for _ in range(30)))
    allowed = [verdict for verdict in verdicts if verdict.allowed]
    assert len(allowed) == 10
    assert sorted(verdict.remaining for verdict in allowed) == list(range(10))
    assert all(verdict.retry_after_s == 0 for verdict in allowed)
    refused = await hit(key, 10, window_s)
    assert not refused.allowed
    assert 0 < refused.retry_after_s <= window_s
    assert (await hit(rate_key("key", "/api/tags"), 10, window_s)).remaining == 9
    assert (await hit(rate_key("other", "/api/chat"), 10, window_s)).remaining == 9
    assert not (await hit(rate_key("none", "/"), 0, window_s)).allowed


@pytest.mark.parametrize("form", ["fixed", "sliding"])
async def test_after_the_window_there_is_room_again(cache: CacheAdapter, form: str) -> None:
    hit = cache.hit_fixed if form == "fixed" else cache.hit_sliding
    key = rate_key("key", "/")

    async def refused() -> bool:
        return not (await hit(key, 3, 1)).allowed

    async def allowed() -> bool:
        return (await hit(key, 3, 1)).allowed

    await until("three are too many", refused)
    await until("there is room again", allowed)


async def test_a_sliding_window_has_no_border(cache: CacheAdapter) -> None:
    """In any second there are at most 20, also where two fixed windows would meet."""
    key, times = rate_key("key", "/"), []
    loop = asyncio.get_running_loop()
    end_s = loop.time() + 2.2
    while loop.time() < end_s:
        before_s = loop.time()
        if (await cache.hit_sliding(key, 20, 1)).allowed:
            times.append((before_s, loop.time()))
    assert len(times) >= 40
    for (_, first_after), (last_before, _) in zip(times, times[20:], strict=False):
        assert last_before - first_after > 0.9
    assert len(times) <= 63
