"""From Redis to the program's own cache and back, with a server in this process that is lost on purpose."""

from __future__ import annotations

import asyncio

import pytest
from cache_stage import NEVER, URL, Machine, cache_stage

from backend_embedded.cache.keys import (
    Kind,
    Prefix,
    agent_status_key,
    entity_key,
    rate_key,
    session_key,
)
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.cache.redis_server import Pauses
from backend_embedded.contract.status import State
from backend_embedded.resilience.breaker import CircuitBreaker

KEY = session_key("u", "s")


async def test_a_server_is_used_while_it_is_there_and_what_is_lost_is_said() -> None:
    machine = Machine()
    async with cache_stage(machine.connect, "auto") as stage:
        cache = stage.cache
        capability = cache.capability()
        assert (capability.state, capability.provider, capability.product) == (
            State.OK,
            "redis",
            "Redis 7.0.0",
        )
        assert capability.latency_ms == 0.1
        await cache.set(KEY, "there")
        assert await machine.kept.get(KEY) == "there"
        assert stage.own.entries == 0
        machine.gone = True
        assert await cache.get(KEY) is None
        await cache.set(KEY, "here")
        assert await cache.get(KEY) == "here"
        capability = cache.capability()
        assert (capability.state, capability.provider) == (State.DEGRADED, "embedded")
        assert "did not answer" in capability.reason
        assert capability.holds == "1 value, 0.3 kB"
        assert stage.counts.failovers == 1
        machine.gone = False
        await cache.server.look()
        assert cache.capability().provider == "redis"
        assert await cache.get(KEY) is None, "neither the old value there nor the one from here"
        assert [(one.provider, one.state) for one in stage.told] == [
            ("redis", State.OK),
            ("embedded", State.DEGRADED),
            ("redis", State.OK),
        ]
        assert stage.told[0].since < stage.told[1].since < stage.told[2].since
        assert stage.counts.calls == {"redis": 2, "embedded": 3}
    assert machine.closed == machine.connections


async def test_it_comes_back_by_itself() -> None:
    machine = Machine()
    async with cache_stage(machine.connect, pauses=Pauses(0.01, 0.01)) as stage:
        machine.gone = True
        await stage.until("it is found to be gone", lambda: stage.cache.capability().provider == "embedded")
        machine.gone = False
        await stage.until("it is back", lambda: stage.cache.capability().provider == "redis")


async def test_what_was_written_elsewhere_is_forgotten_where_it_is_old() -> None:
    machine = Machine()
    async with cache_stage(machine.connect) as stage:
        cache = stage.cache
        keys = [agent_status_key(str(number)) for number in range(5)]
        for key in keys:
            await cache.set(key, "old")
        machine.gone = True
        await cache.set(keys[0], "new")
        await cache.delete(keys[1])
        await cache.incr(keys[2].__class__(Kind.AGENT_STATUS, ("counted",)))
        assert not await cache.setnx(keys[0], "newer")
        machine.gone = False
        await cache.server.look()
        assert [await cache.get(key) for key in keys] == [None, None, "old", "old", "old"]
        machine.gone = True
        assert [await cache.get(key) for key in keys] == [None] * 5, "nothing of the first outage is left"


async def test_after_too_many_writes_of_a_kind_all_of_it_is_forgotten() -> None:
    machine = Machine()
    async with cache_stage(machine.connect) as stage:
        await stage.cache.set(KEY, "old")
        await stage.cache.set(agent_status_key("of before"), "old")
        machine.gone = True
        for number in range(10_001):
            await stage.cache.set(agent_status_key(str(number)), number)
        machine.gone = False
        await stage.cache.server.look()
        assert await stage.cache.get(agent_status_key("of before")) is None
        assert await stage.cache.get(KEY) == "old", "other kinds stay"
        assert machine.kept.entries == 1


async def test_what_queries_found_before_this_run_is_not_trusted() -> None:
    machine = Machine()
    foreign = entity_key("of another", "program", "v")
    await machine.kept.set(foreign, "theirs")
    await machine.kept.set(KEY, "a session")

    async def old() -> str:
        return "old"

    async def new() -> str:
        return "new"

    async with cache_stage(machine.connect) as stage:
        assert await ReadThrough(stage.cache).fetch("task", "1", old) == "old"
        assert await ReadThrough(stage.cache).fetch("task", "1", new) == "old"
    async with cache_stage(machine.connect) as stage:
        assert await ReadThrough(stage.cache).fetch("task", "1", new) == "new"
        assert await stage.cache.get(KEY) == "a session"
        assert await stage.cache.get(foreign) == "theirs"


async def test_no_reader_sees_what_was_before_a_change_whatever_is_lost_when() -> None:
    """A change that could not be told to the server still makes what it keeps old."""
    machine = Machine()
    async with cache_stage(machine.connect) as stage:
        reader, store = ReadThrough(stage.cache), {"1": "first"}

        async def load() -> str:
            return store["1"]

        assert await reader.fetch("task", "1", load) == "first"
        machine.gone = True
        store["1"] = "second"
        await reader.changed("task", "1")
        assert await reader.fetch("task", "1", load) == "second"
        machine.gone = False
        await stage.cache.server.look()
        assert stage.cache.capability().provider == "redis"
        assert await reader.fetch("task", "1", load) == "second"
        store["1"] = "third"
        await reader.changed("task", "1")
        machine.gone = True
        assert await reader.fetch("task", "1", load) == "third"


async def test_a_server_that_answers_probes_and_fails_calls_is_left_alone() -> None:
    now_s = 0.0
    machine = Machine(mute=True)
    breaker = CircuitBreaker(clock=lambda: now_s)
    async with cache_stage(machine.connect, breaker=breaker) as stage:
        for _ in range(5):
            assert stage.cache.capability().provider == "redis"
            await stage.cache.set(KEY, "kept here")
            assert await stage.cache.get(KEY) == "kept here"
            await stage.cache.server.look()
        capability = stage.cache.capability()
        assert (capability.provider, capability.state) == ("embedded", State.DEGRADED)
        assert capability.reason == f"Redis at stage did not answer. {breaker.told}"
        assert breaker.told
        assert stage.told[-1].reason == capability.reason
        connections, told = machine.connections, len(stage.told)
        await stage.cache.server.look()
        assert machine.connections == connections, "nobody asks while the circuit is open"
        assert len(stage.told) == told, "and it is said once"
        now_s = 30.0
        machine.mute = False
        await stage.cache.server.look()
        assert stage.cache.capability().provider == "redis"
        await stage.cache.set(KEY, "kept there")
        assert await machine.kept.get(KEY) == "kept there"


async def test_the_setting_may_change_while_it_runs() -> None:
    machine = Machine()
    async with cache_stage(machine.connect, "embedded") as stage:
        assert (stage.cache.capability().provider, stage.cache.capability().state) == ("embedded", State.OK)
        assert machine.connections == 0
        await stage.cache.set(KEY, "here")
        await stage.set_to(URL)
        assert stage.cache.capability().provider == "redis"
        assert await stage.cache.get(KEY) is None
        await stage.set_to("embedded")
        capability = stage.cache.capability()
        assert (capability.provider, capability.state, capability.reason) == ("embedded", State.OK, "")
        assert await stage.cache.get(KEY) is None


async def test_auto_without_a_server_is_as_it_should_be_and_a_named_one_that_is_not_there_is_told() -> None:
    machine = Machine(gone=True)
    async with cache_stage(machine.connect, "auto") as stage:
        assert stage.cache.capability().state is State.OK
        await stage.set_to(URL)
        capability = stage.cache.capability()
        assert capability.state is State.DEGRADED
        assert "cannot be reached" in capability.reason


async def test_a_server_that_was_found_by_itself_and_refuses_us_is_told_and_no_failure() -> None:
    machine = Machine(refusal="Redis at stage wants a password.")
    async with cache_stage(machine.connect, "auto") as stage:
        capability = stage.cache.capability()
        assert (capability.provider, capability.state) == ("embedded", State.OK)
        assert capability.reason == "Redis at stage wants a password. Give its address."
        for _ in range(2):
            await stage.cache.server.look()
        assert [one.reason for one in stage.told] == [capability.reason], "once"
        await stage.set_to("embedded")
        assert stage.cache.capability().reason == ""
        await stage.set_to(URL)
        capability = stage.cache.capability()
        assert (capability.state, capability.reason) == (State.DEGRADED, "Redis at stage wants a password.")
        await stage.set_to("auto")
        machine.refusal = ""
        await stage.cache.server.look()
        assert (stage.cache.capability().provider, stage.cache.capability().reason) == ("redis", "")
        machine.refusal = "Redis at stage wants a password."
        machine.gone = True
        await stage.cache.get(KEY)
        assert stage.cache.capability().state is State.DEGRADED, "one that was in use is missed"


async def test_an_address_that_makes_no_sense_is_told() -> None:
    async def connect(url: str) -> Machine:
        raise ValueError("Port could not be cast to integer value as 'x'")

    async with cache_stage(connect) as stage:  # type: ignore[arg-type]
        assert "address cannot be used" in stage.cache.capability().reason


async def test_everything_else_is_served_by_either() -> None:
    machine = Machine()
    async with cache_stage(machine.connect, pauses=NEVER) as stage:
        for gone in (False, True):
            machine.gone = gone
            await stage.cache.server.look()
            assert (await stage.cache.hit_fixed(rate_key("k", "/"), 1, 3_600_000_000)).allowed
            assert not (await stage.cache.hit_fixed(rate_key("k", "/"), 1, 3_600_000_000)).allowed
            assert (await stage.cache.hit_sliding(rate_key("k", "/"), 1)).allowed
            assert not (await stage.cache.hit_sliding(rate_key("k", "/"), 1)).allowed
            assert await stage.cache.incr(KEY) == 1
            assert list(await stage.cache.scan(Prefix(Kind.SESSION))) == [KEY.text]
        assert stage.counts.lookups == {}
        await stage.cache.get(KEY)
        await stage.cache.get(session_key("u", "other"))
        assert stage.counts.lookups == {("session", True): 1, ("session", False): 1}
        assert stage.counts.held[0] == 1


@pytest.mark.parametrize("setting", ["auto", URL])
async def test_leaving_while_a_server_hangs_takes_no_time(setting: str) -> None:
    machine = Machine()
    async with cache_stage(machine.connect, setting, pauses=Pauses(0.01, 0.01)) as stage:
        machine.held_up = asyncio.Event()
        waiting = asyncio.create_task(stage.cache.get(KEY))
        await asyncio.wait([waiting], timeout=0.02)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
