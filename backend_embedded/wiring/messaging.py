"""The cache and the message queue of a run: on servers where the settings name them, else in this program."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.failover import FailoverCache
from backend_embedded.cache.redis_driver import RedisDriver
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.queue import QueueName
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.settings import SettingsFile

if TYPE_CHECKING:
    from backend_embedded.queue.rabbitmq import RabbitQueue

QUEUE_FILE = "queue.db"


async def open_cache(
    stack: AsyncExitStack,
    settings: SettingsFile,
    publish: Callable[[CapabilityChanged], None],
    metrics: BackendMetrics,
) -> FailoverCache:
    """The cache: in the Redis that the settings name, in this program while there is none."""
    driver = RedisDriver()
    stack.callback(driver.close)
    cache = await stack.enter_async_context(
        FailoverCache(
            EmbeddedCache(evicted=metrics.cache.evicted),
            driver.connect,
            lambda: settings.current.cache,
            lambda capability: publish(CapabilityChanged(capability=capability)),
            metrics.cache,
        )
    )
    metrics.resilience.watch_breaker("cache", lambda: cache.server.circuit)
    return cache


async def open_queue(
    stack: AsyncExitStack,
    folder: Path,
    settings: SettingsFile,
    publish: Callable[[CapabilityChanged], None],
    metrics: BackendMetrics,
) -> FailoverQueue:
    """The message queue: in the broker that the settings name, in a file of this folder while there is none."""
    # The driver takes a quarter of a second to load: not before there is a broker, nor in the loop.
    loading = ThreadPoolExecutor(1, thread_name_prefix="queue driver")
    stack.callback(loading.shutdown)

    def counted(name: QueueName, outcome: str) -> None:
        metrics.message_counted(name.value, outcome)

    async def broker(url: str, changed: Callable[[], None]) -> RabbitQueue:
        module = await asyncio.get_running_loop().run_in_executor(
            loading, importlib.import_module, "backend_embedded.queue.rabbitmq"
        )
        made: RabbitQueue = module.RabbitQueue(url, counted, changed)
        return made

    own = await stack.enter_async_context(EmbeddedQueue(folder / QUEUE_FILE, counted))
    queue = await stack.enter_async_context(
        FailoverQueue(
            own,
            lambda: settings.current.queue,
            broker,
            lambda capability: publish(CapabilityChanged(capability=capability)),
        )
    )
    metrics.resilience.watch_breaker("queue", lambda: queue.circuit)
    return queue
