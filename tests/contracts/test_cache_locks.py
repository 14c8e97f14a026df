"""Locks of every cache: one at a time, for a while, with numbers that grow; in the program, and in a real Redis."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from cache_stage import until

from backend_embedded.cache.holding import held
from backend_embedded.cache.keys import LockKey, session_key
from backend_embedded.cache.port import CacheAdapter
from backend_embedded.errors import Conflict


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
    lock = await cache.acquire(key, 1)
    assert lock is not None
    witness = await cache.acquire(LockKey("agent", "witness"), 1)
    assert witness is not None
    assert await cache.extend(lock, 60)

    async def witness_ended() -> bool:
        return await cache.acquire(LockKey("agent", "witness"), 1) is not None

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
                await cache.incr(session_key("u", "s"))
                inside -= 1

    await asyncio.gather(*(worker() for _ in range(10)))
    assert most == 1
    assert len(fences) == 50
    assert all(before < after for before, after in pairwise(fences))
    assert await cache.get(session_key("u", "s")) == 50


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
