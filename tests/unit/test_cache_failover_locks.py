"""Locks over the loss of Redis and its return: within this program one holds them, and their numbers grow."""

from __future__ import annotations

import asyncio

from cache_stage import Machine, cache_stage

from backend_embedded.cache.keys import LockKey

LOCK = LockKey("agent", "planner")


async def test_a_lock_excludes_within_the_program_whatever_becomes_of_the_server() -> None:
    machine = Machine()
    async with cache_stage(machine.connect) as stage:
        cache = stage.cache
        first = await cache.acquire(LOCK, 60)
        assert first is not None
        assert await machine.kept.acquire(LOCK, 60) is None, "it is locked there too"
        machine.gone = True
        assert await cache.acquire(LOCK, 60) is None
        assert await cache.extend(first, 60)
        assert await cache.release(first)
        second = await cache.acquire(LOCK, 60)
        assert second is not None
        assert second.fence > first.fence
        machine.gone = False
        await cache.server.look()
        assert await cache.acquire(LOCK, 60) is None
        assert not await cache.extend(second, 60), "the server never knew of it"
        assert await cache.release(second)
        assert await machine.kept.acquire(LOCK, 60) is None, "the server did not hear that it was given back"


async def test_a_lock_that_another_program_holds_is_not_got() -> None:
    machine = Machine()
    async with cache_stage(machine.connect) as stage:
        theirs = await machine.kept.acquire(LOCK, 60)
        assert theirs is not None
        assert await stage.cache.acquire(LOCK, 60) is None
        assert await machine.kept.release(theirs)
        ours = await stage.cache.acquire(LOCK, 60)
        assert ours is not None
        assert ours.fence > theirs.fence
        assert await stage.cache.release(ours)
        again = await machine.kept.acquire(LOCK, 60)
        assert again is not None
        assert not await stage.cache.release(ours)
        assert await machine.kept.release(again)


async def test_fencing_numbers_grow_over_every_loss() -> None:
    machine = Machine()
    async with cache_stage(machine.connect) as stage:
        fences = []
        for number in range(6):
            machine.gone = bool(number % 2)
            await stage.cache.server.look()
            lock = await stage.cache.acquire(LOCK, 60)
            assert lock is not None
            fences.append(lock.fence)
            await stage.cache.release(lock)
        assert fences == sorted(set(fences))


async def test_a_call_that_is_given_up_leaves_no_lock_behind() -> None:
    machine = Machine(held_up=None)
    async with cache_stage(machine.connect) as stage:
        machine.held_up = asyncio.Event()
        waiting = asyncio.create_task(stage.cache.acquire(LOCK, 60))
        await asyncio.wait([waiting], timeout=0.02)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        machine.held_up = None
        lock = await stage.cache.acquire(LOCK, 60)
        assert lock is not None
        assert stage.cache.capability().provider == "redis"
