"""What tries the address of a server before it is written into the settings."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from backend_embedded.cache.redis_driver import RedisDriver
from backend_embedded.contract.probes import ServiceFound, ServiceKind
from backend_embedded.errors import InvalidInput
from backend_embedded.services import Probe


def open_probes(stack: AsyncExitStack) -> dict[ServiceKind, Probe]:
    """What tries the address of each kind of server; drivers are loaded when there is something to try."""
    loading = ThreadPoolExecutor(1, thread_name_prefix="service probe")
    stack.callback(loading.shutdown)
    redis = RedisDriver()
    stack.callback(redis.close)

    def loaded(name: str) -> Probe:
        async def tried(url: str) -> ServiceFound:
            module = await asyncio.get_running_loop().run_in_executor(loading, importlib.import_module, name)
            found: ServiceFound = await module.tried(url)
            return found

        return tried

    async def cache(url: str) -> ServiceFound:
        try:
            facts = await redis.tried(url)
        except ValueError as error:
            raise InvalidInput(f"This is no address of a cache: {error}.") from error
        return ServiceFound(
            kind=ServiceKind.CACHE, product="Redis", version=facts.version, latency_ms=facts.latency_ms
        )

    return {
        ServiceKind.CACHE: cache,
        ServiceKind.QUEUE: loaded("backend_embedded.queue.rabbitmq_probe"),
        ServiceKind.DATABASE: loaded("backend_embedded.storage.postgres_probe"),
    }
