"""Each kind of server is tried on the real one: what it is, and a password that is not its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from postgres_stage import Stage, stage
from real_rabbitmq import RealRabbit
from real_redis import real_redis

from backend_embedded.contract.probes import ServiceKind
from backend_embedded.errors import CacheUnavailable, QueueUnavailable, StorageUnavailable
from backend_embedded.services import Probe
from backend_embedded.wiring.probes import open_probes

pytestmark = pytest.mark.services

Probes = dict[ServiceKind, Probe]


@pytest.fixture
def postgres() -> Iterator[Stage]:
    with stage() as there:
        yield there


@pytest_asyncio.fixture
async def probes() -> AsyncIterator[Probes]:
    async with AsyncExitStack() as stack:
        yield open_probes(stack)


async def test_redis(probes: Probes) -> None:
    with real_redis() as server:
        found = await probes[ServiceKind.CACHE](server.url)
        assert (found.product, found.version[0].isdigit()) == ("Redis", True)
        assert 0 < found.latency_ms < 1000
        with pytest.raises(CacheUnavailable):
            await probes[ServiceKind.CACHE](server.url.replace("redis://", "redis://nobody:wrong@"))


async def test_postgresql(probes: Probes, postgres: Stage) -> None:
    server = postgres.server
    found = await probes[ServiceKind.DATABASE](server.url(postgres.template))
    assert (found.product, found.version) == ("PostgreSQL", server.version)
    assert 0 < found.latency_ms < 1000
    with pytest.raises(StorageUnavailable, match="no such database"):
        await probes[ServiceKind.DATABASE](server.url("nowhere"))


async def test_rabbitmq(probes: Probes, rabbit: RealRabbit) -> None:
    found = await probes[ServiceKind.QUEUE](rabbit.url)
    assert (found.product, found.version[0].isdigit()) == ("RabbitMQ", True)
    assert 0 < found.latency_ms < 3000
    with pytest.raises(QueueUnavailable, match="refuses the user"):
        await probes[ServiceKind.QUEUE](rabbit.url.replace("guest:guest@", "guest:wrong@"))
