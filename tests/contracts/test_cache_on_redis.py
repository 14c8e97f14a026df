"""The program's cache on a real Redis: who serves, passwords, what other programs and earlier runs left there."""

from __future__ import annotations

import asyncio
import functools

import pytest
from real_redis import RealRedis, real_redis
from redis_stage import served_by, staged
from server_process import free_port

from backend_embedded.cache.keys import LockKey, rate_key, session_key
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.cache.redis_driver import RedisDriver
from backend_embedded.contract.status import State
from backend_embedded.errors import CacheUnavailable

pytestmark = [pytest.mark.services, pytest.mark.leaves("threads")]
KEY = session_key("u", "s")
LOCK = LockKey("agent", "planner")


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
            capability = stage.cache.capability()
            assert (capability.provider, capability.state, capability.reason) == ("redis", State.OK, "")
            await stage.set_to(right)
            assert await stage.cache.get(KEY) == "kept"


async def test_one_that_is_found_and_wants_a_password_is_told_and_no_failure() -> None:
    with real_redis("--requirepass", "secret") as redis:
        empty = f"redis://127.0.0.1:{free_port()}"
        async with staged("", empty, redis.url, setting="auto") as stage:
            capability = stage.cache.capability()
            assert (capability.provider, capability.state) == ("embedded", State.OK)
            assert capability.reason == (
                f"Redis at 127.0.0.1:{redis.port} wants a password."
                " Give its address with user and password in Settings, Services."
            )
            redis.stop()
            await stage.until("it is gone", lambda: stage.cache.capability().reason == "")
            assert stage.cache.capability().state is State.OK


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
