"""The cache in the program against a plain dictionary, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backend_embedded.cache.embedded import Clocks, EmbeddedCache
from backend_embedded.cache.keys import Kind, LockKey, Prefix, RateKey, agent_status_key
from backend_embedded.cache.port import Lock
from backend_embedded.cache.ttl_store import ENTRY_BYTES, TtlStore
from backend_embedded.errors import CacheError

names = some.sampled_from("abcdef")
times_s = some.sampled_from([0.5, 1.0, 3.0, 10.0])
small = some.integers(-5, 5) | some.text(max_size=3)


def now(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the cache in the program waited")


class AgainstADictionary(RuleBasedStateMachine):
    """Every call on both; what they tell has to agree at every moment."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0
        self.cache = EmbeddedCache(clocks=Clocks(lambda: self.now_s, lambda: self.now_s))
        self.values: dict[str, tuple[Any, float]] = {}
        self.locks: dict[str, tuple[Lock, float]] = {}
        self.fence = 0
        self.hits: dict[str, list[float]] = {}
        self.counts: dict[tuple[str, int], int] = {}

    def there(self, name: str) -> Any:
        value, ends_s = self.values.get(name, (None, 0.0))
        return value if ends_s > self.now_s else None

    @rule(seconds=some.sampled_from([0.1, 0.5, 1.0, 2.5, 10.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(name=names, value=small, ttl_s=times_s)
    def set(self, name: str, value: Any, ttl_s: float) -> None:
        now(self.cache.set(agent_status_key(name), value, ttl_s))
        self.values[name] = (value, self.now_s + ttl_s)

    @rule(name=names, value=small, ttl_s=times_s)
    def setnx(self, name: str, value: Any, ttl_s: float) -> None:
        free = self.there(name) is None
        assert now(self.cache.setnx(agent_status_key(name), value, ttl_s)) is free
        if free:
            self.values[name] = (value, self.now_s + ttl_s)

    @rule(name=names, by=some.integers(-3, 3))
    def incr(self, name: str, by: int) -> None:
        value = self.there(name)
        if isinstance(value, str):
            try:
                now(self.cache.incr(agent_status_key(name), by))
            except CacheError:
                return
            raise AssertionError("a text was counted")
        assert now(self.cache.incr(agent_status_key(name), by)) == (value or 0) + by
        ends_s = self.values[name][1] if value is not None else self.now_s + 10.0
        self.values[name] = ((value or 0) + by, ends_s)

    @rule(some_names=some.sets(names))
    def delete(self, some_names: set[str]) -> None:
        there = sum(self.there(name) is not None for name in some_names)
        assert now(self.cache.delete(*map(agent_status_key, some_names))) == there
        for name in some_names:
            self.values.pop(name, None)

    @rule(name=names, ttl_s=times_s)
    def acquire(self, name: str, ttl_s: float) -> None:
        lock = now(self.cache.acquire(LockKey("r", name), ttl_s))
        held = name in self.locks and self.locks[name][1] > self.now_s
        assert (lock is None) is held
        if lock is not None:
            assert lock.fence > self.fence
            self.fence = lock.fence
            self.locks[name] = (lock, self.now_s + ttl_s)

    @rule(name=names, ttl_s=times_s)
    def extend(self, name: str, ttl_s: float) -> None:
        if name not in self.locks:
            return
        lock, ends_s = self.locks[name]
        assert now(self.cache.extend(lock, ttl_s)) is (ends_s > self.now_s)
        if ends_s > self.now_s:
            self.locks[name] = (lock, self.now_s + ttl_s)

    @rule(name=names)
    def release(self, name: str) -> None:
        if name not in self.locks:
            return
        lock, ends_s = self.locks.pop(name)
        assert now(self.cache.release(lock)) is (ends_s > self.now_s)

    @rule(name=names, limit=some.integers(1, 4))
    def hit_sliding(self, name: str, limit: int) -> None:
        hits = self.hits[name] = [one for one in self.hits.get(name, []) if one > self.now_s - 5]
        verdict = now(self.cache.hit_sliding(RateKey("k", name), limit, 5))
        assert verdict.allowed is (len(hits) < limit)
        if verdict.allowed:
            hits.append(self.now_s)
            assert verdict.remaining == limit - len(hits)
        else:
            assert abs(verdict.retry_after_s - (hits[0] + 5 - self.now_s)) < 0.01

    @rule(name=names, limit=some.integers(1, 4))
    def hit_fixed(self, name: str, limit: int) -> None:
        window = (name, int(self.now_s // 5))
        verdict = now(self.cache.hit_fixed(RateKey("k", name), limit, 5))
        assert verdict.allowed is (self.counts.get(window, 0) < limit)
        if verdict.allowed:
            self.counts[window] = self.counts.get(window, 0) + 1
        else:
            assert abs(verdict.retry_after_s - ((window[1] + 1) * 5 - self.now_s)) < 0.01

    @invariant()
    def agrees(self) -> None:
        expected = {name: self.there(name) for name in self.values if self.there(name) is not None}
        assert {name: now(self.cache.get(agent_status_key(name))) for name in expected} == expected
        found = now(self.cache.scan(Prefix(Kind.AGENT_STATUS)))
        assert sorted(found) == sorted(f"agent:status:{name}" for name in expected)
        assert self.cache.entries == len(expected)


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class BoundedStore(RuleBasedStateMachine):
    """However it is used, the store stays within its memory and forgets the least recently used first."""

    LIMIT = 3 * (ENTRY_BYTES + 11)

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.gone = 0
        self.store = TtlStore(self.LIMIT, lambda: self.now_s, self.evicted)
        self.order: list[str] = []
        self.data: dict[str, tuple[bytes, float]] = {}

    def evicted(self, entries: int) -> None:
        self.gone += entries

    def forget_ended(self) -> None:
        self.order = [key for key in self.order if self.data[key][1] > self.now_s]

    @rule(key=names, size=some.integers(0, 20), ttl_s=times_s)
    def set(self, key: str, size: int, ttl_s: float) -> None:
        self.forget_ended()
        before, expected_gone = self.gone, 0
        self.store.set(key, bytes(size), ttl_s)
        self.order = [one for one in self.order if one != key]
        cost = size + 1 + ENTRY_BYTES
        while sum(len(self.data[one][0]) + 1 + ENTRY_BYTES for one in self.order) + cost > self.LIMIT:
            self.order.pop(0)
            expected_gone += 1
        self.order.append(key)
        self.data[key] = (bytes(size), self.now_s + ttl_s)
        assert self.gone - before == expected_gone

    @rule(key=names)
    def get(self, key: str) -> None:
        self.forget_ended()
        there = key in self.order
        assert self.store.get(key) == (self.data[key][0] if there else None)
        if there:
            self.order.remove(key)
            self.order.append(key)

    @rule(seconds=times_s)
    def time_goes_on(self, seconds: float) -> None:
        self.now_s += seconds

    @invariant()
    def bounded(self) -> None:
        assert self.store.size_bytes <= self.LIMIT
        self.forget_ended()
        assert sorted(self.store.keys("")) == sorted(self.order)
        assert len(self.store) == len(self.order)


TestBoundedStore = BoundedStore.TestCase
TestBoundedStore.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


async def test_memory_stays_bounded_whatever_is_written() -> None:
    evicted: list[int] = []
    cache = EmbeddedCache(1_000_000, evicted=evicted.append)
    for number in range(20_000):
        await cache.set(agent_status_key(str(number)), "x" * 500, ttl_s=1_000)
    assert cache.size_bytes <= 1_000_000
    assert sum(evicted) == 20_000 - cache.entries
    assert await cache.get(agent_status_key("19999")) == "x" * 500
    assert await cache.get(agent_status_key("0")) is None
    import random

    await cache.set(agent_status_key("too large"), random.randbytes(1_000_001))
    assert await cache.get(agent_status_key("too large")) is None
    assert cache.entries > 1_000, "one that is too large takes no room from the others"


async def test_what_is_replaced_often_leaves_nothing_behind() -> None:
    store = TtlStore(1_000_000)
    for number in range(10_000):
        store.set("one", b"x", ttl_s=1_000 + number)
    assert len(store._ends) < 200
    cache = EmbeddedCache(clocks=Clocks())
    for number in range(5_000):
        assert await cache.acquire(LockKey("r", str(number)), 0.000_001) is not None
        await cache.hit_fixed(RateKey("k", str(number)), 1, 1)
    await asyncio.sleep(0)
    assert len(cache._locks) <= 1_025
