"""A real Redis that is killed, halted, slowed, filled or locked while the program's cache uses it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from cache_stage import CacheStage, cache_stage
from real_redis import RealRedis, real_redis
from server_process import free_port
from slow_road import slow_road

from backend_embedded.cache.keys import (
    LockKey,
    agent_status_key,
    rate_key,
    session_key,
)
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.cache.redis_driver import RedisDriver
from backend_embedded.cache.redis_server import Pauses
from backend_embedded.contract.status import State
from backend_embedded.errors import CacheUnavailable
from backend_embedded.resilience.breaker import CircuitBreaker

pytestmark = [pytest.mark.services, pytest.mark.leaves("threads")]
KEY = session_key("u", "s")
LOCK = LockKey("agent", "planner")
OFTEN = Pauses(present_s=0.05, absent_s=0.05)
FAILOVER_S = 1.0
"""Twice the target, which `make bench-services` measures: a machine that runs tests may be busy."""


@pytest.fixture
def redis() -> Iterator[RealRedis]:
    """A server of its own for each test."""
    with real_redis() as there:
        yield there


@asynccontextmanager
async def staged(
    url: str,
    *usual_urls: str,
    setting: str | None = None,
    pauses: Pauses = OFTEN,
    breaker: CircuitBreaker | None = None,
) -> AsyncIterator[CacheStage]:
    """The program's cache over that server."""
    driver = RedisDriver()
    try:
        async with cache_stage(
            driver.connect, setting or url, usual_urls or (url,), pauses, breaker
        ) as stage:
            yield stage
    finally:
        driver.close()


def served_by(stage: CacheStage) -> str:
    return stage.cache.capability().provider


async def lasts_s(stage: CacheStage) -> float:
    """Time of a call that keeps a value and one that finds it."""
    began_s = time.perf_counter()
    await stage.cache.set(KEY, "kept")
    assert await stage.cache.get(KEY) == "kept"
    return time.perf_counter() - began_s


async def test_it_says_who_serves_and_what_it_holds(redis: RealRedis) -> None:
    async with staged(redis.url, setting="auto") as stage:
        await stage.cache.set(KEY, "kept")
        await stage.cache.server.look()
        capability = stage.cache.capability()
        assert (capability.provider, capability.state) == ("redis", State.OK)
        assert capability.product == f"Redis {redis.version}"
        assert capability.latency_ms is not None
        assert 0 < capability.latency_ms < 1_000
        assert " keys, " in capability.holds
        assert redis.run("KEYS", "session:*") == [b"session:u:s"]
        assert 3_590 < redis.run("TTL", "session:u:s") <= 3_600


async def test_auto_takes_the_second_place_when_the_first_is_empty_or_no_redis(redis: RealRedis) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        places = (f"redis://127.0.0.1:{free_port()}", f"redis://127.0.0.1:{port}", redis.url)
        async with staged("", *places, setting="auto") as stage:
            assert served_by(stage) == "redis"


async def test_killed(redis: RealRedis) -> None:
    """kill -9 while 20 tasks call: no call fails, none takes long, and it comes back by itself."""
    async with staged(redis.url) as stage:
        longest_s, calls, going = 0.0, 0, True

        async def caller(number: int) -> None:
            nonlocal longest_s, calls
            key = agent_status_key(str(number))
            while going:
                began_s = time.perf_counter()
                await stage.cache.set(key, number)
                await stage.cache.get(key)
                longest_s = max(longest_s, time.perf_counter() - began_s)
                calls += 1
                await asyncio.sleep(0)

        callers = [asyncio.create_task(caller(number)) for number in range(20)]
        await stage.until("calls are made", lambda: calls > 100)
        redis.kill()
        await stage.until("it goes on here", lambda: served_by(stage) == "embedded")
        at = calls
        await stage.until("calls are made here", lambda: calls > at + 1_000)
        assert stage.cache.capability().state is State.DEGRADED
        assert "cannot be reached" in stage.cache.capability().reason
        await asyncio.to_thread(redis.start)
        await stage.until("it is back", lambda: served_by(stage) == "redis")
        at = calls
        await stage.until("calls are made there", lambda: calls > at + 100)
        going = False
        await asyncio.gather(*callers)
        assert longest_s < FAILOVER_S
        assert stage.counts.failovers >= 1


async def test_halted(redis: RealRedis) -> None:
    """A server that takes connections and never answers costs each caller a moment, once."""
    async with staged(redis.url) as stage:
        await lasts_s(stage)
        redis.hang()
        times = await asyncio.gather(*(lasts_s(stage) for _ in range(50)))
        assert max(times) < FAILOVER_S
        assert await lasts_s(stage) < 0.1
        assert served_by(stage) == "embedded"
        assert "did not answer within" in stage.cache.capability().reason
        redis.go_on()
        await stage.until("it is back", lambda: served_by(stage) == "redis")
        await lasts_s(stage)


async def test_halted_with_a_change_on_the_way(redis: RealRedis) -> None:
    """What is read after a change is never what was before it, though the server kept that."""
    async with staged(redis.url) as stage:
        reader, store = ReadThrough(stage.cache), {"value": "first"}

        async def load() -> str:
            return store["value"]

        for round_ in range(3):
            assert await reader.fetch("task", "1", load) == store["value"]
            redis.hang()
            store["value"] = f"changed in round {round_}"
            await reader.changed("task", "1")
            assert await reader.fetch("task", "1", load) == store["value"]
            redis.go_on()
            await stage.until("it is back", lambda: served_by(stage) == "redis")
            assert await reader.fetch("task", "1", load) == store["value"]


async def test_restarted(redis: RealRedis) -> None:
    """A restart between two calls: connections that were closed are noticed, scripts are sent again."""
    async with staged(redis.url, pauses=Pauses(3_600, 0.05)) as stage:
        assert await stage.cache.incr(KEY) == 1
        first = await stage.cache.acquire(LOCK, 60)
        assert first is not None
        await asyncio.to_thread(redis.stop)
        await asyncio.to_thread(redis.start)
        assert await stage.cache.incr(KEY) == 1
        assert not await stage.cache.extend(first, 60), "the server forgot it"
        await stage.cache.release(first)
        second = await stage.cache.acquire(LOCK, 60)
        assert second is not None
        assert second.fence > first.fence
        assert (await stage.cache.hit_sliding(rate_key("k", "/"), 1)).allowed


async def test_slow_but_there(redis: RealRedis) -> None:
    """50 ms late is late and not lost."""
    async with slow_road(redis.port) as road, staged(f"redis://127.0.0.1:{road.port}") as stage:
        road.delay_s = 0.05
        assert 0.1 < await lasts_s(stage) < 1
        assert served_by(stage) == "redis"
        assert stage.counts.failovers == 0


async def test_too_slow(redis: RealRedis) -> None:
    """A server that needs a second is left after a third of one, and used again when it is fast."""
    async with slow_road(redis.port) as road, staged(f"redis://127.0.0.1:{road.port}") as stage:
        road.delay_s = 1.0
        assert await lasts_s(stage) < FAILOVER_S
        assert served_by(stage) == "embedded"
        road.delay_s = 0.0
        await stage.until("it is back", lambda: served_by(stage) == "redis")


async def test_full(redis: RealRedis) -> None:
    """A server that takes no more writes is no cache: the program keeps it itself, and says why."""
    async with staged(redis.url) as stage:
        redis.run("CONFIG", "SET", "maxmemory", "1")
        assert await lasts_s(stage) < FAILOVER_S
        assert served_by(stage) == "embedded"
        assert "maxmemory" in stage.cache.capability().reason
        redis.run("CONFIG", "SET", "maxmemory", "0")
        await stage.until("it is back", lambda: served_by(stage) == "redis")


async def test_a_copy_takes_no_writes(redis: RealRedis) -> None:
    async with staged(redis.url) as stage:
        redis.run("REPLICAOF", "127.0.0.1", free_port())
        assert await lasts_s(stage) < FAILOVER_S
        await stage.cache.server.look()
        assert served_by(stage) == "embedded"
        redis.run("REPLICAOF", "NO", "ONE")
        await stage.until("it is back", lambda: served_by(stage) == "redis")


async def test_passwords() -> None:
    """With the right one it works; a wrong or missing one is told, and none is ever shown."""
    with real_redis("--requirepass", "a:secret/of@tests") as redis:
        right = f"redis://:a%3Asecret%2Fof%40tests@127.0.0.1:{redis.port}/1"
        async with staged(right) as stage:
            assert served_by(stage) == "redis"
            await stage.cache.set(KEY, "kept")
            await stage.set_to(f"redis://:wrong-secret@127.0.0.1:{redis.port}")
            reason = stage.cache.capability().reason
            assert "refused the user or the password" in reason
            assert "secret" not in reason
            await stage.set_to(redis.url)
            assert "password" in stage.cache.capability().reason
            await stage.set_to("auto")
            assert stage.cache.capability().state is State.OK
            await stage.set_to(right)
            assert await stage.cache.get(KEY) == "kept"


async def test_an_address_can_be_tried_before_it_is_set(redis: RealRedis) -> None:
    driver = RedisDriver()
    try:
        facts = await driver.tried(redis.url)
        assert (facts.version, facts.used_bytes > 0) == (redis.version, True)
        with pytest.raises(CacheUnavailable, match="nobody listens there"):
            await driver.tried(f"redis://127.0.0.1:{free_port()}")
        with pytest.raises(ValueError, match="parameter"):
            await driver.tried(f"{redis.url}?decode_responses=1")
    finally:
        driver.close()


async def test_foreign_values_are_not_there_and_do_no_harm(redis: RealRedis) -> None:
    async with staged(redis.url) as stage:
        redis.run("SET", KEY.text, b"z not what we keep")
        assert await stage.cache.get(KEY) is None
        redis.run("DEL", KEY.text)
        redis.run("RPUSH", KEY.text, "a list")
        assert await stage.cache.get(KEY) is None
        await stage.cache.set(KEY, "ours")
        assert await stage.cache.get(KEY) == "ours"
        assert served_by(stage) == "redis"


async def test_two_programs_share_locks_rates_and_changes(redis: RealRedis) -> None:
    async with staged(redis.url) as one, staged(redis.url) as other:
        lock = await one.cache.acquire(LOCK, 60)
        assert lock is not None
        assert await other.cache.acquire(LOCK, 60) is None
        await one.cache.release(lock)
        again = await other.cache.acquire(LOCK, 60)
        assert again is not None
        assert again.fence > lock.fence
        assert not await one.cache.release(again)
        assert (await one.cache.hit_fixed(rate_key("k", "/"), 2, 10**9)).allowed
        assert (await other.cache.hit_fixed(rate_key("k", "/"), 2, 10**9)).allowed
        assert not (await one.cache.hit_fixed(rate_key("k", "/"), 2, 10**9)).allowed
        value = "first"

        async def load() -> str:
            return value

        readers = ReadThrough(one.cache), ReadThrough(other.cache)
        assert [await reader.fetch("task", "1", load) for reader in readers] == ["first", "first"]
        value = "second"
        assert [await reader.fetch("task", "1", load) for reader in readers] == ["first", "first"]
        await readers[1].changed("task", "1")
        assert [await reader.fetch("task", "1", load) for reader in readers] == ["second", "second"]


async def test_a_lock_between_two_programs_under_contention_and_a_loss(redis: RealRedis) -> None:
    """Each program's own tasks exclude each other over a kill, and all fencing numbers differ and grow."""
    async with staged(redis.url) as stage:
        inside, most, fences, killed = 0, 0, [], False

        async def worker() -> None:
            nonlocal inside, most
            done = 0
            while done < 10:
                lock = await stage.cache.acquire(LOCK, 30)
                if lock is None:
                    await asyncio.sleep(0.001)
                    continue
                inside += 1
                most = max(most, inside)
                fences.append(lock.fence)
                await asyncio.sleep(0.002)
                inside -= 1
                await stage.cache.release(lock)
                done += 1

        workers = [asyncio.create_task(worker()) for _ in range(8)]
        await stage.until("half of it is done", lambda: len(fences) >= 40, 20)
        redis.kill()
        killed = True
        await asyncio.gather(*workers)
        assert killed
        assert most == 1
        assert len(fences) == 80
        assert fences == sorted(set(fences))
        assert served_by(stage) == "embedded"


async def test_what_queries_found_in_an_earlier_run_is_not_trusted_and_the_rest_is_kept(
    redis: RealRedis,
) -> None:
    for key in ("foreign", "cache:foreign", "cache:of:another:program"):
        redis.run("SET", key, "1")

    async def old(number: int) -> int:
        return number

    async def new() -> str:
        return "new"

    async with staged(redis.url) as stage:
        reader = ReadThrough(stage.cache)
        for number in range(1_200):
            await reader.fetch("task", str(number), functools.partial(old, number))
        await stage.cache.set(KEY, "kept")
        assert await reader.fetch("task", "7", new) == 7
    async with staged(redis.url) as stage:
        reader = ReadThrough(stage.cache)
        assert redis.run("KEYS", "cache:task:*:version") == []
        assert await reader.fetch("task", "7", new) == "new"
        assert await stage.cache.get(KEY) == "kept"
    for key in ("foreign", "cache:foreign", "cache:of:another:program"):
        assert redis.run("GET", key) == b"1"
