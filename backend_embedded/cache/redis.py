"""The cache in a Redis server (5 or later); every call ends within a time limit."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import redis.asyncio
from redis.exceptions import ConnectionError as DriverConnectionError
from redis.exceptions import ResponseError

from backend_embedded.cache import redis_scripts as scripts
from backend_embedded.cache.keys import FENCING_KEY, LockKey, Prefix, RateKey, ValueKey
from backend_embedded.cache.packing import Unreadable, pack, unpack
from backend_embedded.cache.port import Lock, ServerFacts, Verdict
from backend_embedded.cache.redis_failures import as_ours, is_refused, shown
from backend_embedded.errors import CacheUnavailable
from backend_embedded.resilience.retry import CACHE

T = TypeVar("T")

CONNECT_S = 0.5
CALL_S = 0.3
"""Longest time of one call; with what follows a loss it stays under half a second."""
"""Tries at once when nobody listens (specification 9.2)."""
CONNECTIONS = 32
SCANNED = 1_000
"""Keys that Redis looks at in one step of a scan."""


class RedisCache:
    """Serves the port from one server, until it is lost once; then another one is made.

    Args:
        url: `redis://`, `rediss://` or `unix://` address.
        namespace: stands before every key, for tests that share a server.
        call_s: longest time of one call.
    Raises:
        ValueError: the address makes no sense.
    """

    def __init__(self, url: str, namespace: str = "", call_s: float = CALL_S) -> None:
        self._url = url
        self._namespace = namespace
        self._call_s = call_s
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            url,
            retry=None,
            # With a time limit of its own the driver sends through `wait_for`, which in Python 3.11 loses a
            # cancellation: the limit of the whole call would not hold. That one covers sending and reading.
            socket_timeout=None,
            socket_connect_timeout=CONNECT_S,
            max_connections=2 * CONNECTIONS,
            protocol=2,
        )
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._lost: CacheUnavailable | None = None
        register = self._client.register_script
        self._incr = register(scripts.INCR)
        self._acquire = register(scripts.ACQUIRE)
        self._extend = register(scripts.EXTEND)
        self._release = register(scripts.RELEASE)
        self._hit_fixed = register(scripts.HIT_FIXED)
        self._hit_sliding = register(scripts.HIT_SLIDING)

    async def aclose(self) -> None:
        """Close the connections, when the calls that are under way have ended; no other begins.

        Raises CacheUnavailable when the server does not let go in time.
        """
        if self._lost is None:
            self._lost = CacheUnavailable(f"The connection to {shown(self._url)} was closed.")
        # A call that connects while the others are closed would leave its connection open.
        for _ in range(CONNECTIONS):
            await self._slots.acquire()
        with as_ours(self._url, CONNECT_S):
            await self._client.aclose()

    async def probe(self) -> ServerFacts:
        """Ask what is there, and write once, which a full server or a copy refuses. Errors as every call."""
        began_s = time.perf_counter()
        await self._run(self._client.ping)
        latency_ms = (time.perf_counter() - began_s) * 1_000
        own = LockKey("probe", uuid4().hex)
        await self._run(lambda: self._client.set(self._name(own.text), b"1", px=1_000))
        told = await self._run(lambda: self._client.info("server", "memory"))
        keys = await self._run(self._client.dbsize)
        return ServerFacts(
            version=str(told.get("redis_version", "")),
            keys=int(keys),
            used_bytes=int(told.get("used_memory", 0)),
            latency_ms=latency_ms,
        )

    # -- values -----------------------------------------------------------------------------------

    async def get(self, key: ValueKey) -> Any | None:
        """See the port."""
        data = await self._run(lambda: self._read(key))
        if data is None:
            return None
        try:
            return unpack(data)
        except Unreadable:
            return None

    async def _read(self, key: ValueKey) -> bytes | None:
        try:
            data: Any = await self._client.get(self._name(key.text))
        except ResponseError as error:
            if "WRONGTYPE" in str(error):
                return None  # something else of another program stands there
            raise
        return None if data is None else bytes(data)

    async def set(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> None:
        """See the port."""
        name, data, ms = self._name(key.text), pack(value), _ms(key, ttl_s)
        await self._run(lambda: self._client.set(name, data, px=ms))

    async def setnx(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> bool:
        """See the port."""
        name, data, ms = self._name(key.text), pack(value), _ms(key, ttl_s)
        return bool(await self._run(lambda: self._client.set(name, data, px=ms, nx=True)))

    async def delete(self, *keys: ValueKey) -> int:
        """See the port."""
        return await self._unlink([self._name(key.text) for key in keys])

    async def incr(self, key: ValueKey, by: int = 1) -> int:
        """See the port."""
        name, ms = self._name(key.text), _ms(key, None)
        return int(await self._run(lambda: self._incr(keys=[name], args=[by, ms])))

    async def scan(self, prefix: Prefix) -> Sequence[str]:
        """See the port."""
        found: set[str] = set()
        async for names in self._scanned(prefix):
            found.update(name.decode()[len(self._namespace) :] for name in names)
        return tuple(found)

    async def forget(self, prefix: Prefix, ending: str = "") -> int:
        """Delete all values whose key begins and ends so; how many. Errors as every call."""
        return sum([await self._unlink(names) async for names in self._scanned(prefix, ending)])

    async def _scanned(self, prefix: Prefix, ending: str = "") -> AsyncGenerator[list[Any], None]:
        # No part of a key can hold a character that a pattern knows.
        scan = functools.partial(
            self._client.scan, match=f"{self._name(prefix.text)}*{ending}", count=SCANNED
        )
        place = 0
        while True:
            place, names = await self._run(functools.partial(scan, place))
            yield names
            if not place:
                return

    async def _unlink(self, names: Sequence[str] | Sequence[bytes]) -> int:
        if not names:
            return 0
        return int(await self._run(lambda: self._client.unlink(*names)))

    # -- locks ------------------------------------------------------------------------------------

    async def acquire(self, key: LockKey, ttl_s: float, after: int = 0) -> Lock | None:
        """See the port."""
        token = uuid4().hex
        names = [self._name(key.text), self._name(FENCING_KEY.text)]
        args: list[str | int] = [token, _positive_ms(ttl_s), after]
        fence = await self._run(lambda: self._acquire(keys=names, args=args))
        return None if fence is None else Lock(key, token, int(fence), ttl_s)

    async def extend(self, lock: Lock, ttl_s: float) -> bool:
        """See the port."""
        name, ms = self._name(lock.key.text), _positive_ms(ttl_s)
        return bool(await self._run(lambda: self._extend(keys=[name], args=[lock.token, ms])))

    async def release(self, lock: Lock) -> bool:
        """See the port."""
        name = self._name(lock.key.text)
        return bool(await self._run(lambda: self._release(keys=[name], args=[lock.token])))

    # -- rates ------------------------------------------------------------------------------------

    async def hit_fixed(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """See the port."""
        now_s = time.time()
        number = int(now_s // window_s)
        left_s = max(0.001, (number + 1) * window_s - now_s)
        name = self._name(key.fixed(number))
        args = [limit, _positive_ms(left_s)]
        allowed, remaining = await self._run(lambda: self._hit_fixed(keys=[name], args=args))
        return Verdict(bool(allowed), int(remaining), 0.0 if allowed else left_s)

    async def hit_sliding(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """See the port."""
        name = self._name(key.sliding())
        args: list[str | int] = [limit, window_s * 1_000_000, uuid4().hex]
        allowed, remaining, wait_us = await self._run(lambda: self._hit_sliding(keys=[name], args=args))
        return Verdict(bool(allowed), int(remaining), 0.0 if allowed else max(0.001, int(wait_us) / 1e6))

    # -- calling ----------------------------------------------------------------------------------

    def _name(self, text: str) -> str:
        return self._namespace + text

    async def _run(self, command: Callable[[], Awaitable[T]]) -> T:
        """Carry out a command within the limit; after one loss every other fails at once."""
        self._check()
        async with self._slots:
            self._check()
            try:
                with as_ours(self._url, self._call_s):
                    async with asyncio.timeout(self._call_s):
                        return await _tried(command)
            except CacheUnavailable as error:
                self._lost = error
                raise

    def _check(self) -> None:
        if self._lost is not None:
            raise CacheUnavailable(self._lost.message, remedy=self._lost.remedy)


async def _tried(command: Callable[[], Awaitable[T]]) -> T:
    for _ in range(CACHE.attempts - 1):
        try:
            return await command()
        except DriverConnectionError as error:
            if not is_refused(error):
                raise
    return await command()


def _ms(key: ValueKey, ttl_s: float | None) -> int:
    return _positive_ms(key.ttl_s if ttl_s is None else ttl_s)


def _positive_ms(seconds: float) -> int:
    if not seconds > 0:
        raise ValueError(f"a time to live is above 0 seconds, not {seconds:g}")
    return max(1, round(seconds * 1_000))
