"""The program's cache over a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cache_stage import CacheStage, cache_stage

from backend_embedded.cache.redis_driver import RedisDriver
from backend_embedded.cache.redis_server import Pauses
from backend_embedded.resilience.breaker import CircuitBreaker

OFTEN = Pauses(present_s=0.05, absent_s=0.05)


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
