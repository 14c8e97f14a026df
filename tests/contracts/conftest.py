"""What the suites of the ports run on: databases, message queues and caches, embedded and real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from postgres_stage import Stage, stage
from queue_stage import Open, until, wipe
from real_rabbitmq import RealRabbit, real_rabbitmq
from real_redis import RealRedis, real_redis

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.port import CacheAdapter
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.port import MessageQueue
from backend_embedded.queue.rabbitmq import RabbitQueue


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def database_stage(request: pytest.FixtureRequest) -> Stage | None:
    """A real PostgreSQL server with ready databases; None stands for SQLite."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Stage]:
    """A real PostgreSQL server with ready databases."""
    with stage() as there:
        yield there


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("embedded", False), id="embedded"),
        pytest.param(("embedded", True), id="embedded-switched"),
        pytest.param(("rabbitmq", False), id="rabbitmq", marks=pytest.mark.services),
        pytest.param(("rabbitmq", True), id="rabbitmq-switched", marks=pytest.mark.services),
    ],
)
def queue_stage(request: pytest.FixtureRequest) -> tuple[RealRabbit | None, bool]:
    """A real RabbitMQ server, or None for the embedded queue; and whether the queue that switches is before it."""
    product, switched = request.param
    return (request.getfixturevalue("rabbit") if product == "rabbitmq" else None), switched


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RealRabbit]:
    """A real RabbitMQ server; a test that ends it starts it again."""
    with real_rabbitmq() as server:
        yield server


@pytest.fixture
async def opened(queue_stage: tuple[RealRabbit | None, bool], tmp_path: Path) -> Open:
    """Opens the queue, again and again; what it holds stays."""
    server, switched = queue_stage
    if server is not None:
        await wipe(server.url)
    if switched:
        return lambda: switching(tmp_path / "queue.db", server.url if server is not None else "embedded")
    if server is None:
        return lambda: EmbeddedQueue(tmp_path / "queue.db")
    url = server.url

    @asynccontextmanager
    async def connected() -> AsyncIterator[MessageQueue]:
        async with RabbitQueue(url) as queue:
            async with asyncio.timeout(10):
                await queue.connected.wait()
            yield queue

    return connected


@asynccontextmanager
async def switching(file: Path, setting: str) -> AsyncIterator[MessageQueue]:
    """The queue as the program has it, served by what the setting says."""

    async def broker(url: str, changed: Callable[[], None]) -> RabbitQueue:
        return RabbitQueue(url, None, changed)

    async with EmbeddedQueue(file) as own, FailoverQueue(own, lambda: setting, broker) as queue:
        wanted = "embedded" if setting == "embedded" else "rabbitmq"
        await until(lambda: _is(queue, wanted))
        yield queue


@pytest.fixture
async def queue(opened: Open) -> AsyncIterator[MessageQueue]:
    async with opened() as queue:
        yield queue


async def _is(queue: MessageQueue, provider: str) -> bool:
    return queue.capability().provider == provider


@pytest.fixture(scope="module", params=["embedded", pytest.param("redis", marks=pytest.mark.services)])
def cache_server(request: pytest.FixtureRequest) -> Iterator[RealRedis | None]:
    """A real Redis; None stands for the cache in the program."""
    if request.param == "embedded":
        yield None
        return
    with real_redis() as there:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\ncache: Redis {there.version} at 127.0.0.1:{there.port}")  # noqa: T201
        yield there


@pytest.fixture
async def cache(cache_server: RealRedis | None) -> AsyncIterator[CacheAdapter]:
    """An empty cache."""
    if cache_server is None:
        yield EmbeddedCache()
        return
    from backend_embedded.cache.redis import RedisCache

    real = RedisCache(cache_server.url, namespace=f"{uuid4().hex}:", call_s=5)
    try:
        yield real
    finally:
        await real.aclose()


@pytest.fixture
def redis() -> Iterator[RealRedis]:
    """A server of its own for each test."""
    with real_redis() as there:
        yield there
