"""The ports of the cache: values with a time to live, locks, and limits of rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from backend_embedded.cache.keys import LockKey, Prefix, RateKey, ValueKey
from backend_embedded.contract.status import Capability


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that was got.

    Attributes:
        key: what is locked.
        token: who holds it; nobody else can give it back.
        fence: larger than that of every lock before; what is written under a lock carries it, so that a
            writer whose lock ran out is told from the one that came after.
        ttl_s: seconds until it runs out, unless it is extended.
    """

    key: LockKey
    token: str
    fence: int
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one more is within a rate.

    Attributes:
        allowed: it is, and was counted; what is refused is not counted.
        remaining: how many more would be.
        retry_after_s: seconds until one more may be, when this one was refused; else 0.
    """

    allowed: bool
    remaining: int
    retry_after_s: float = 0.0


class Values(Protocol):
    """Keeps values for a while; any of them may be gone at any moment."""

    async def get(self, key: ValueKey) -> Any | None:
        """The value; None when it is not there, ran out or cannot be read."""
        ...

    async def set(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> None:
        """Keep a value of JSON's types (or bytes), in place of the one before.

        Args:
            ttl_s: seconds that it lives, above 0; None: those of its key.
        Raises:
            TypeError, ValueError: the value cannot be kept (see `packing.pack`).
        """
        ...

    async def setnx(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> bool:
        """Keep a value unless there is one; whether it was kept. Otherwise as `set`."""
        ...

    async def delete(self, *keys: ValueKey) -> int:
        """Forget values; how many were there."""
        ...

    async def incr(self, key: ValueKey, by: int = 1) -> int:
        """Add to a whole number, which is 0 when it is not there; the sum.

        Its time to live is that of its key from when it is made, and is not prolonged.

        Raises:
            CacheError: the value is no whole number, or the sum has more than 64 bits.
        """
        ...

    async def scan(self, prefix: Prefix) -> Sequence[str]:
        """The texts of all keys that begin with the prefix, in no order."""
        ...


class Locks(Protocol):
    """Lets one at a time work on a thing."""

    async def acquire(self, key: LockKey, ttl_s: float, after: int = 0) -> Lock | None:
        """Get the lock, or None when somebody else holds it.

        Args:
            ttl_s: seconds until it runs out, above 0.
            after: the fencing number is larger than this.
        """
        ...

    async def extend(self, lock: Lock, ttl_s: float) -> bool:
        """Hold it for `ttl_s` seconds from now; False: it is not held any more."""
        ...

    async def release(self, lock: Lock) -> bool:
        """Give it back; False: it was not held any more."""
        ...


class Rates(Protocol):
    """Says whether one more request is within a rate."""

    async def hit_fixed(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """Count one in the window of the clock that is now (each begins at a multiple of `window_s`)."""
        ...

    async def hit_sliding(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """Count one if fewer than `limit` were counted in the `window_s` seconds before now."""
        ...


class CacheAdapter(Values, Locks, Rates, Protocol):
    """What each adapter serves.

    Raises:
        CacheUnavailable: any call, when what is behind it cannot be reached or does not answer.
    """


REFUSED = "refused"
"""Detail of a CacheUnavailable: the server is there, answers, and does not let us in or do what was asked."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server told of itself.

    Attributes:
        keys: all that it holds, whoever wrote it.
        latency_ms: time of one round trip.
    """

    version: str
    keys: int
    used_bytes: int
    latency_ms: float


class ServerCache(CacheAdapter, Protocol):
    """An adapter of a server, good until the server is lost once: then every call fails at once."""

    async def probe(self) -> ServerFacts:
        """Ask the server what it is, and whether it takes writes. Raises CacheUnavailable."""
        ...

    async def forget(self, prefix: Prefix, ending: str = "") -> int:
        """Delete all values whose key begins and ends so; how many. Raises CacheUnavailable."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class Cache(CacheAdapter, Protocol):
    """The cache as the program uses it; it is always there."""

    def capability(self) -> Capability:
        """Who serves it now, how fast, and what it holds; no input or output."""
        ...


class CacheCounts(Protocol):
    """Counts what the cache does, for the metrics."""

    def looked_up(self, kind: str, found: bool) -> None:
        """A value was looked for."""
        ...

    def evicted(self, entries: int) -> None:
        """Values were forgotten to make room."""
        ...

    def holds(self, entries: int, size_bytes: int) -> None:
        """What the store in this program holds now."""
        ...

    def called(self, provider: str, seconds: float) -> None:
        """A call was served."""
        ...

    def failed_over(self) -> None:
        """Redis was lost while it was in use."""
        ...
