"""The figures of the cache: a route answered from it beside the same from the store, and the loss of Redis."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from measure import Measure, middle

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "harness"), str(ROOT / "packaging")]

import redis_server  # noqa: E402
from cache_stage import CacheStage, cache_stage  # noqa: E402
from real_redis import RealRedis, real_redis  # noqa: E402

from backend_embedded.cache.keys import session_key  # noqa: E402
from backend_embedded.cache.redis_driver import RedisDriver  # noqa: E402
from backend_embedded.cache.redis_server import Pauses  # noqa: E402

TASKS = 500
ROUNDS = 200
KILLS = 5
READY_PATIENCE_S = 60.0
KEY = session_key("bench", "bench")


@asynccontextmanager
async def backend(home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """`sutazai serve` with a home of its own, and a client of it."""
    command = [sys.executable, "-m", "app", "--home", str(home), "serve"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), READY_PATIENCE_S))
        token = (home / "run" / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=ready["url"], headers=headers, trust_env=False, timeout=30
        ) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


async def timed_ms(client: httpx.AsyncClient, path: str) -> float:
    """Time until the whole answer is there."""
    began = time.perf_counter()
    answer = await client.get(path)
    elapsed_ms = (time.perf_counter() - began) * 1_000
    answer.raise_for_status()
    return elapsed_ms


async def cache_read() -> list[Measure]:
    """A list and a single task, each asked for the first time and again at once; nothing else differs."""
    with TemporaryDirectory(prefix="sutazai-bench-") as home:
        async with backend(Path(home)) as client:
            await client.patch("/api/v1/settings", json={"cache": "embedded", "queue": "embedded"})
            ids = []
            for number in range(TASKS):
                body = {"type": "bench", "payload": {"number": number, "text": "x" * 100}}
                answer = await client.post("/api/v1/tasks", json=body)
                answer.raise_for_status()
                ids.append(answer.json()["data"]["id"])
            lists, again, singles, once_more = [], [], [], []
            for number in range(ROUNDS):
                # Each round asks for another part, so that it was not read before.
                path = f"/api/v1/tasks?limit=100&offset={number}"
                lists.append(await timed_ms(client, path))
                again.append(await timed_ms(client, path))
                path = f"/api/v1/tasks/{ids[number]}"
                singles.append(await timed_ms(client, path))
                once_more.append(await timed_ms(client, path))
    ratio = middle(again) / middle(lists)
    single = middle(once_more) / middle(singles)
    baseline = (
        f"/api/v1/tasks?limit=100 from the store {middle(lists):.2f} ms, from the cache {middle(again):.2f} ms; "
        f"one task {middle(singles):.2f} and {middle(once_more):.2f} ms ({single:.2f})"
    )
    return [Measure("cache-read", ratio, "×", 0.5, baseline=baseline)]


@asynccontextmanager
async def beside() -> AsyncIterator[tuple[CacheStage, RealRedis]]:
    """The program's cache over a Redis of its own."""
    redis_server.ensure()
    driver = RedisDriver()
    try:
        with real_redis() as server:
            async with cache_stage(driver.connect, server.url, pauses=Pauses(5.0, 0.1)) as stage:
                yield stage, server
    finally:
        driver.close()


async def next_call_ms(stage: CacheStage) -> float:
    """Time of a call that keeps a value and one that finds it, served here."""
    began = time.perf_counter()
    await stage.cache.set(KEY, "kept")
    found = await stage.cache.get(KEY)
    elapsed_ms = (time.perf_counter() - began) * 1_000
    if found != "kept" or stage.cache.capability().provider != "embedded":
        raise RuntimeError("the cache in the program did not serve")
    return elapsed_ms


async def served_by_redis(stage: CacheStage) -> None:
    await stage.until("Redis is used", lambda: stage.cache.capability().provider == "redis", 10)


async def cache_failover() -> list[Measure]:
    """From the end of the server (kill -9, and one that hangs) until the next value is kept and found here."""
    killed, hung = [], []
    async with beside() as (stage, server):
        for _ in range(KILLS):
            await served_by_redis(stage)
            await stage.cache.set(KEY, "there")
            server.kill()
            killed.append(await next_call_ms(stage))
            server.start()
            await served_by_redis(stage)
            await stage.cache.set(KEY, "there")
            server.hang()
            hung.append(await next_call_ms(stage))
            server.go_on()
    baseline = (
        f"Redis {server.version}: worst of {KILLS} kills {max(killed):.0f} ms, "
        f"of {KILLS} times that it hung {max(hung):.0f} ms (each call waits 300 ms at most)"
    )
    return [Measure("failover-cache", max(*killed, *hung), "ms", 500, baseline=baseline)]
