"""Limits of rates of every cache, in fixed and in sliding windows; in the program, and in a real Redis."""

from __future__ import annotations

import asyncio

import pytest
from cache_stage import until

from backend_embedded.cache.keys import rate_key
from backend_embedded.cache.port import CacheAdapter


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


async def test_under_a_limit_that_was_lowered_the_wait_is_until_there_is_room(cache: CacheAdapter) -> None:
    key = rate_key("key", "/")
    for _ in range(3):
        assert (await cache.hit_sliding(key, 3, 1_000)).allowed
    long_ago = await cache.hit_sliding(key, 3, 1_000)
    await until("time passes", lambda: _waits_less(cache, long_ago.retry_after_s - 0.2))
    assert (await cache.hit_sliding(key, 4, 1_000)).allowed
    oldest, latest = await cache.hit_sliding(key, 4, 1_000), await cache.hit_sliding(key, 1, 1_000)
    assert not latest.allowed
    assert latest.retry_after_s > oldest.retry_after_s + 0.1, (
        "not when the oldest of four is gone: when all are"
    )


async def _waits_less(cache: CacheAdapter, seconds: float) -> bool:
    return (await cache.hit_sliding(rate_key("key", "/"), 3, 1_000)).retry_after_s < seconds


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
    # When a hit was counted lies between its two times, however long the machine had us wait for the answer.
    for (first_before, _), (_, last_after) in zip(times, times[20:], strict=False):
        assert last_after - first_before > 0.9
    assert len(times) <= 20 * (1 + (times[-1][1] - times[0][0]) // 0.9)
