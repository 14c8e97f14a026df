"""The cache of the program: Redis while there is one, else its own, also from one call to the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from backend_embedded.cache.address import USUAL_URLS
from backend_embedded.cache.journal import Journal
from backend_embedded.cache.keys import LockKey, Prefix, RateKey, ValueKey
from backend_embedded.cache.port import CacheAdapter, CacheCounts, Lock, ServerCache, Verdict
from backend_embedded.cache.redis_driver import PRODUCT
from backend_embedded.cache.redis_server import Connect, Pauses, RedisServer
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import CacheUnavailable
from backend_embedded.resilience.breaker import CircuitBreaker

T = TypeVar("T")

SERVERS = 2
"""How many adapters one call tries; each fails within its time limit, the second only when there is a new one."""
SETTLE_S = 0.3
"""Longest time that calls wait for a server that is about to be used again."""
OWN = "embedded"
OWN_PRODUCT = "in-process cache"


class OwnCache(CacheAdapter, Protocol):
    """The cache in this program, and what is told of it."""

    @property
    def entries(self) -> int:
        """Values that are kept."""
        ...

    @property
    def size_bytes(self) -> int:
        """What they take."""
        ...

    def forget_values(self) -> None:
        """Forget all values; locks and rates stay."""
        ...


class FailoverCache:
    """Asks Redis, and does it here when Redis is gone; open it with `async with`.

    A lock is taken here as well as there: within this program it excludes whatever becomes of Redis. One that
    was got while Redis was gone cannot be extended when it is back, since other programs know nothing of it.

    Args:
        own: the cache in this program.
        connect: see `RedisServer`, as for `usual_urls`, `pauses` and `breaker`.
        setting: the setting `cache` as it is now.
        changed: told when somebody else serves, or the reason is another.
        counts: counts what is done.
    """

    def __init__(
        self,
        own: OwnCache,
        connect: Connect,
        setting: Callable[[], str],
        changed: Callable[[Capability], None],
        counts: CacheCounts,
        *,
        usual_urls: tuple[str, ...] = USUAL_URLS,
        pauses: Pauses | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._own = own
        self._changed = changed
        self._counts = counts
        self._journal = Journal()
        self._settling: asyncio.Event | None = None
        self._fence = 0
        self._since = datetime.now(UTC)
        self._told: tuple[State, str, str, str] | None = None
        self.server = RedisServer(connect, setting, self._settle, self._tell, usual_urls, pauses, breaker)
        """The look for Redis."""

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.__aexit__(kind, error, trace)

    def capability(self) -> Capability:
        """See the port."""
        state, provider, product, reason = self._facts()
        facts = self.server.facts
        if facts is not None:
            holds = f"{_counted(facts.keys, 'key')}, {_size(facts.used_bytes)}"
        else:
            holds = f"{_counted(self._own.entries, 'value')}, {_size(self._own.size_bytes)}"
        return Capability(
            name="cache",
            state=state,
            provider=provider,
            product=product,
            reason=reason,
            since=self._since,
            latency_ms=None if facts is None else round(facts.latency_ms, 3),
            holds=holds,
        )

    # -- values -----------------------------------------------------------------------------------

    async def get(self, key: ValueKey) -> Any | None:
        """See the port."""
        value = await self._served(lambda cache: cache.get(key))
        self._counts.looked_up(key.kind, value is not None)
        return value

    async def set(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> None:
        """See the port."""
        await self._served(lambda cache: cache.set(key, value, ttl_s), key)

    async def setnx(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> bool:
        """See the port."""
        return await self._served(lambda cache: cache.setnx(key, value, ttl_s), key)

    async def delete(self, *keys: ValueKey) -> int:
        """See the port."""
        return await self._served(lambda cache: cache.delete(*keys), *keys)

    async def incr(self, key: ValueKey, by: int = 1) -> int:
        """See the port."""
        return await self._served(lambda cache: cache.incr(key, by), key)

    async def scan(self, prefix: Prefix) -> Sequence[str]:
        """See the port."""
        return await self._served(lambda cache: cache.scan(prefix))

    # -- locks ------------------------------------------------------------------------------------

    async def acquire(self, key: LockKey, ttl_s: float, after: int = 0) -> Lock | None:
        """See the port."""
        own = await self._own.acquire(key, ttl_s, max(after, self._fence))
        if own is None:
            return None
        self._fence = max(self._fence, own.fence)
        lock: Lock | None = None
        try:
            lock = await self._served(lambda cache: self._also(cache, own))
        finally:
            if lock is None:
                await self._own.release(own)
        if lock is not None:
            self._fence = max(self._fence, lock.fence)
        return lock

    async def extend(self, lock: Lock, ttl_s: float) -> bool:
        """See the port."""
        own = _own_part(lock)
        if not await self._own.extend(own, ttl_s):
            return False
        return await self._served(lambda cache: self._extended(cache, lock, ttl_s))

    async def release(self, lock: Lock) -> bool:
        """See the port."""
        there = here = False
        try:
            there = await self._served(lambda cache: self._released(cache, lock))
        finally:
            here = await self._own.release(_own_part(lock))
        return here and there

    async def _also(self, cache: CacheAdapter, own: Lock) -> Lock | None:
        """The lock there too, or what was got here when there is no there."""
        if cache is self._own:
            return own
        there = await cache.acquire(own.key, own.ttl_s, own.fence)
        if there is None:
            return None
        return replace(there, token=f"{there.token}{own.token}")

    async def _extended(self, cache: CacheAdapter, lock: Lock, ttl_s: float) -> bool:
        there = _their_part(lock)
        return cache is self._own or (there is not None and await cache.extend(there, ttl_s))

    async def _released(self, cache: CacheAdapter, lock: Lock) -> bool:
        there = _their_part(lock)
        return cache is self._own or there is None or await cache.release(there)

    # -- rates ------------------------------------------------------------------------------------

    async def hit_fixed(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """See the port."""
        return await self._served(lambda cache: cache.hit_fixed(key, limit, window_s))

    async def hit_sliding(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """See the port."""
        return await self._served(lambda cache: cache.hit_sliding(key, limit, window_s))

    # -- who serves -------------------------------------------------------------------------------

    async def _served(self, work: Callable[[CacheAdapter], Awaitable[T]], *written: ValueKey) -> T:
        """Have it done by Redis, or here; what is written here Redis has to forget."""
        began_s = time.perf_counter()
        for attempt in range(1, SERVERS + 1):
            await self._settled()
            server = self.server.current
            if server is None:
                break
            try:
                result = await work(server)
            except CacheUnavailable as error:
                self.server.lose(server, error)
                # Another call may have lost it earlier, so that it is back already: what is written has to
                # reach it, or it has to be lost again and forget.
                if attempt == SERVERS and self.server.current is not None:
                    self.server.lose(self.server.current, error)
            else:
                self.server.served()
                self._counts.called(PRODUCT.lower(), time.perf_counter() - began_s)
                return result
        self._journal.note(written)
        result = await work(self._own)
        self._counts.called(OWN, time.perf_counter() - began_s)
        self._counts.holds(self._own.entries, self._own.size_bytes)
        return result

    async def _settle(self, server: ServerCache) -> None:
        """Before a server is used: neither does it keep older values than here, nor here than there."""
        await self._journal.replay(server)
        # Calls wait for the rest, which is what was written in the meantime: else it would have no end.
        self._settling = asyncio.Event()
        try:
            async with asyncio.timeout(SETTLE_S):
                while self._journal.noted:
                    await self._journal.replay(server)
            self._own.forget_values()
        except TimeoutError:
            raise CacheUnavailable(f"{PRODUCT} is back, but too slow to be told what changed.") from None
        finally:
            self._settling.set()
            self._settling = None

    async def _settled(self) -> None:
        while self._settling is not None:
            await self._settling.wait()

    def _facts(self) -> tuple[State, str, str, str]:
        facts = self.server.facts
        if facts is not None:
            return State.OK, PRODUCT.lower(), f"{PRODUCT} {facts.version}", ""
        reason = self.server.reason
        if reason:
            return State.DEGRADED, OWN, OWN_PRODUCT, reason
        return State.OK, OWN, OWN_PRODUCT, self.server.refusals

    def _tell(self) -> None:
        facts = self._facts()
        if facts != self._told:
            before, self._told = self._told, facts
            if before is not None or facts[1] != OWN:
                self._since = datetime.now(UTC)
            if before is not None and before[1] != OWN and facts[0] is State.DEGRADED:
                self._counts.failed_over()
            self._changed(self.capability())


TOKEN_CHARACTERS = 32


def _own_part(lock: Lock) -> Lock:
    """What is held in this program: the last part of the token."""
    return replace(lock, token=lock.token[-TOKEN_CHARACTERS:])


def _their_part(lock: Lock) -> Lock | None:
    """What is held in Redis; None when the lock was got without it."""
    token = lock.token[:-TOKEN_CHARACTERS]
    return replace(lock, token=token) if token else None


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _size(size_bytes: int) -> str:
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1e6:.1f} MB"
    return f"{size_bytes / 1e3:.1f} kB"
