"""A cache over a server that can be lost, slow or refuse, inside this process; and what it tells."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.failover import FailoverCache
from backend_embedded.cache.keys import Prefix, ValueKey
from backend_embedded.cache.port import REFUSED, Lock, ServerCache, ServerFacts, Verdict
from backend_embedded.cache.redis_server import Connect, Pauses
from backend_embedded.contract.status import Capability
from backend_embedded.errors import CacheUnavailable
from backend_embedded.resilience.breaker import CircuitBreaker

URL = "redis://stage"
WITHIN_S = 20.0
NEVER = Pauses(present_s=3_600, absent_s=3_600)


@dataclass
class Counts:
    """Counts as the metrics do."""

    lookups: Counter[tuple[str, bool]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    failovers: int = 0
    evictions: int = 0
    held: tuple[int, int] = (0, 0)

    def looked_up(self, kind: str, found: bool) -> None:
        self.lookups[kind, found] += 1

    def evicted(self, entries: int) -> None:
        self.evictions += entries

    def holds(self, entries: int, size_bytes: int) -> None:
        self.held = (entries, size_bytes)

    def called(self, provider: str, seconds: float) -> None:
        self.calls[provider] += 1

    def failed_over(self) -> None:
        self.failovers += 1


@dataclass
class Machine:
    """A server that several adapters reach: what it keeps, and how it does.

    Attributes:
        gone: connections and calls fail.
        mute: probes go well, calls fail.
        refusal: it is there, and does not let us in.
        kept: outlives the server's absence, as a server that hangs keeps what it has.
    """

    gone: bool = False
    mute: bool = False
    refusal: str = ""
    kept: EmbeddedCache = field(default_factory=EmbeddedCache)
    connections: int = 0
    closed: int = 0
    held_up: asyncio.Event | None = None

    async def connect(self, url: str) -> ServerCache:
        assert url == URL
        if self.gone:
            raise CacheUnavailable(f"Redis at {url} cannot be reached.")
        self.connections += 1
        return Reached(self)


class Reached:
    """An adapter of a machine, good until it fails once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._lost = False

    async def _run(self, work: Callable[[EmbeddedCache], Awaitable[Any]]) -> Any:
        if self._machine.held_up is not None:
            await self._machine.held_up.wait()
        if self._lost or self._machine.gone or self._machine.mute:
            self._lost = True
            raise CacheUnavailable("Redis at stage did not answer.")
        return await work(self._machine.kept)

    async def probe(self) -> ServerFacts:
        if self._machine.gone:
            raise CacheUnavailable("Redis at stage did not answer.")
        if self._machine.refusal:
            raise CacheUnavailable(self._machine.refusal, remedy="Give its address.", **{REFUSED: True})
        return ServerFacts("7.0.0", self._machine.kept.entries, self._machine.kept.size_bytes, 0.1)

    async def forget(self, prefix: Prefix, ending: str = "") -> int:
        if self._machine.gone:
            raise CacheUnavailable("Redis at stage did not answer.")
        texts = [text for text in await self._machine.kept.scan(prefix) if text.endswith(ending)]
        return sum(self._machine.kept._values.delete(text) for text in texts)

    async def aclose(self) -> None:
        self._machine.closed += 1

    async def get(self, key: ValueKey) -> Any | None:
        return await self._run(lambda kept: kept.get(key))

    async def set(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> None:
        await self._run(lambda kept: kept.set(key, value, ttl_s))

    async def setnx(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> bool:
        return bool(await self._run(lambda kept: kept.setnx(key, value, ttl_s)))

    async def delete(self, *keys: ValueKey) -> int:
        if self._machine.mute:  # the journal is replayed with it, before calls are made
            return await self._machine.kept.delete(*keys)
        return int(await self._run(lambda kept: kept.delete(*keys)))

    async def incr(self, key: ValueKey, by: int = 1) -> int:
        return int(await self._run(lambda kept: kept.incr(key, by)))

    async def scan(self, prefix: Prefix) -> tuple[str, ...]:
        return tuple(await self._run(lambda kept: kept.scan(prefix)))

    async def acquire(self, key: Any, ttl_s: float, after: int = 0) -> Lock | None:
        lock: Lock | None = await self._run(lambda kept: kept.acquire(key, ttl_s, after))
        return lock

    async def extend(self, lock: Lock, ttl_s: float) -> bool:
        return bool(await self._run(lambda kept: kept.extend(lock, ttl_s)))

    async def release(self, lock: Lock) -> bool:
        return bool(await self._run(lambda kept: kept.release(lock)))

    async def hit_fixed(self, key: Any, limit: int, window_s: int = 60) -> Verdict:
        verdict: Verdict = await self._run(lambda kept: kept.hit_fixed(key, limit, window_s))
        return verdict

    async def hit_sliding(self, key: Any, limit: int, window_s: int = 60) -> Verdict:
        verdict: Verdict = await self._run(lambda kept: kept.hit_sliding(key, limit, window_s))
        return verdict


@dataclass
class CacheStage:
    """A cache that fails over, and what it told.

    Attributes:
        setting: the setting `cache`; may be changed.
    """

    cache: FailoverCache
    own: EmbeddedCache
    counts: Counts
    told: list[Capability]
    settings: list[str]

    async def set_to(self, setting: str) -> None:
        self.settings[0] = setting
        await self.cache.server.look()

    async def until(self, what: str, true: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Wait until it is so; AssertionError that names `what`."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        while not true():
            assert loop.time() < deadline_s, f"{what}: not within {within_s} s"
            await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.005))])


@asynccontextmanager
async def cache_stage(
    connect: Connect,
    setting: str = URL,
    usual_urls: tuple[str, ...] = (URL,),
    pauses: Pauses = NEVER,
    breaker: CircuitBreaker | None = None,
) -> AsyncIterator[CacheStage]:
    """A cache whose first look is over."""
    told: list[Capability] = []
    counts, settings, own = Counts(), [setting], EmbeddedCache()
    cache = FailoverCache(
        own,
        connect,
        lambda: settings[0],
        told.append,
        counts,
        usual_urls=usual_urls,
        pauses=pauses,
        breaker=breaker,
    )
    async with cache:
        await cache.server.sought.wait()
        yield CacheStage(cache, own, counts, told, settings)


async def until(what: str, true: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so; AssertionError that names `what` after some seconds."""
    async with asyncio.timeout(WITHIN_S):
        while not await true():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await asyncio.Event().wait()
