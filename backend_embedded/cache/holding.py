"""Work under a lock: waits for it, and gives it back whatever happens."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from backend_embedded.cache.keys import LockKey
from backend_embedded.cache.port import Lock, Locks
from backend_embedded.errors import Conflict

FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.1


@asynccontextmanager
async def held(locks: Locks, key: LockKey, ttl_s: float, wait_s: float = 0.0) -> AsyncGenerator[Lock, None]:
    """Hold a lock for a block.

    The lock runs out after `ttl_s` seconds whatever the block does; what the block writes carries
    `lock.fence`, so that it is told from what a later holder writes.

    Args:
        wait_s: how long to wait for somebody else to give it back.
    Raises:
        Conflict: somebody else holds it all the while.
    """
    deadline_s = time.monotonic() + wait_s
    pause_s = FIRST_PAUSE_S
    while (lock := await locks.acquire(key, ttl_s)) is None:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise Conflict(
                f"Somebody else works on {key.resource} {key.id}.", remedy="Try again in a moment."
            )
        await asyncio.sleep(min(left_s, pause_s * random.uniform(0.5, 1.0)))
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    try:
        yield lock
    finally:
        await locks.release(lock)
