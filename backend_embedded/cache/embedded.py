"""The cache inside this program: nothing to set up, bounded memory, gone with the process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from backend_embedded.cache.keys import LockKey, Prefix, RateKey, ValueKey
from backend_embedded.cache.packing import LARGEST_INTEGER, SMALLEST_INTEGER, Unreadable, pack, unpack
from backend_embedded.cache.port import Lock, Verdict
from backend_embedded.cache.ttl_store import TtlStore
from backend_embedded.errors import CacheError

MEMORY_BYTES = 64 * 1024 * 1024
"""What the values may take; beyond it the least recently used are forgotten."""
SWEEP_AT = 1_024
"""So many locks or windows may be there before those that ran out are looked for."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the time comes from.

    Attributes:
        steady: seconds that only grow, for times to live.
        wall: seconds since 1970, for windows that all programs share and for fencing numbers.
    """

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


@dataclass(slots=True)
class _Held:
    token: str
    ends_s: float


@dataclass(slots=True)
class _Window:
    ends_s: float
    count: int = 0


@dataclass(slots=True)
class _Log:
    ends_s: float = 0.0
    hits_s: deque[float] = field(default_factory=deque)


class _Ending(Protocol):
    ends_s: float


E = TypeVar("E", bound=_Ending)


@dataclass(slots=True)
class _Sweep:
    """Drops what ran out, but only when there is twice as much as was left the last time."""

    at: int = SWEEP_AT

    def swept(self, entries: dict[str, E], now_s: float) -> dict[str, E]:
        if len(entries) < self.at:
            return entries
        live = {text: one for text, one in entries.items() if one.ends_s > now_s}
        self.at = max(SWEEP_AT, 2 * len(live))
        return live


class EmbeddedCache:
    """Serves the port from this process's memory; no call waits.

    Args:
        limit_bytes: what the values may take.
        clocks: where the time comes from.
        evicted: told how many values went to make room.
    """

    def __init__(
        self,
        limit_bytes: int = MEMORY_BYTES,
        clocks: Clocks | None = None,
        evicted: Callable[[int], None] = lambda entries: None,
    ) -> None:
        self._clocks = clocks or Clocks()
        self._values = TtlStore(limit_bytes, self._clocks.steady, evicted)
        self._locks: dict[str, _Held] = {}
        self._fence = 0
        self._windows: dict[str, _Window] = {}
        self._logs: dict[str, _Log] = {}
        self._lock_sweep, self._window_sweep, self._log_sweep = _Sweep(), _Sweep(), _Sweep()

    @property
    def entries(self) -> int:
        """Values that are kept."""
        return len(self._values)

    @property
    def size_bytes(self) -> int:
        """What they take."""
        return self._values.size_bytes

    def forget_values(self) -> None:
        """Forget all values; locks and rates stay."""
        self._values.clear()

    # -- values -----------------------------------------------------------------------------------

    async def get(self, key: ValueKey) -> Any | None:
        """See the port."""
        data = self._values.get(key.text)
        return None if data is None else unpack(data)

    async def set(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> None:
        """See the port."""
        self._values.set(key.text, pack(value), _lives_s(key, ttl_s))

    async def setnx(self, key: ValueKey, value: Any, ttl_s: float | None = None) -> bool:
        """See the port."""
        data, lives_s = pack(value), _lives_s(key, ttl_s)
        if self._values.get(key.text) is not None:
            return False
        self._values.set(key.text, data, lives_s)
        return True

    async def delete(self, *keys: ValueKey) -> int:
        """See the port."""
        return sum(self._values.delete(key.text) for key in keys)

    async def incr(self, key: ValueKey, by: int = 1) -> int:
        """See the port."""
        data = self._values.get(key.text)
        value = 0 if data is None else _whole_number(data)
        value += by
        if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            raise CacheError("A whole number of the cache would have more than 64 bits.")
        if data is None:
            self._values.set(key.text, pack(value), key.ttl_s)
        else:
            self._values.replace(key.text, pack(value))
        return value

    async def scan(self, prefix: Prefix) -> Sequence[str]:
        """See the port."""
        return self._values.keys(prefix.text)

    # -- locks ------------------------------------------------------------------------------------

    async def acquire(self, key: LockKey, ttl_s: float, after: int = 0) -> Lock | None:
        """See the port."""
        _check_positive(ttl_s)
        now_s = self._clocks.steady()
        held = self._locks.get(key.text)
        if held is not None and held.ends_s > now_s:
            return None
        self._locks = self._lock_sweep.swept(self._locks, now_s)
        token = uuid4().hex
        self._locks[key.text] = _Held(token, now_s + ttl_s)
        self._fence = max(self._fence + 1, after + 1, int(self._clocks.wall() * 1_000_000))
        return Lock(key, token, self._fence, ttl_s)

    async def extend(self, lock: Lock, ttl_s: float) -> bool:
        """See the port."""
        _check_positive(ttl_s)
        held = self._held(lock)
        if held is None:
            return False
        held.ends_s = self._clocks.steady() + ttl_s
        return True

    async def release(self, lock: Lock) -> bool:
        """See the port."""
        if self._held(lock) is None:
            return False
        del self._locks[lock.key.text]
        return True

    def _held(self, lock: Lock) -> _Held | None:
        held = self._locks.get(lock.key.text)
        if held is None or held.token != lock.token or held.ends_s <= self._clocks.steady():
            return None
        return held

    # -- rates ------------------------------------------------------------------------------------

    async def hit_fixed(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """See the port."""
        now_s = self._clocks.wall()
        number = int(now_s // window_s)
        self._windows = self._window_sweep.swept(self._windows, now_s)
        window = self._windows.setdefault(key.fixed(number), _Window((number + 1) * window_s))
        if window.count >= limit:
            return Verdict(False, 0, max(0.001, window.ends_s - now_s))
        window.count += 1
        return Verdict(True, limit - window.count)

    async def hit_sliding(self, key: RateKey, limit: int, window_s: int = 60) -> Verdict:
        """See the port."""
        now_s = self._clocks.steady()
        self._logs = self._log_sweep.swept(self._logs, now_s)
        kept = self._logs.setdefault(key.sliding(), _Log())
        kept.ends_s, log = now_s + window_s, kept.hits_s
        while log and log[0] <= now_s - window_s:
            log.popleft()
        if len(log) >= limit:
            # The one that has to leave the window first: not the oldest, when the limit was lowered.
            last_s = log[len(log) - limit] if limit > 0 else now_s
            return Verdict(False, 0, max(0.001, last_s + window_s - now_s))
        log.append(now_s)
        return Verdict(True, limit - len(log))


def _lives_s(key: ValueKey, ttl_s: float | None) -> float:
    lives_s = key.ttl_s if ttl_s is None else ttl_s
    _check_positive(lives_s)
    return lives_s


def _check_positive(ttl_s: float) -> None:
    if not ttl_s > 0:
        raise ValueError(f"a time to live is above 0 seconds, not {ttl_s:g}")


def _whole_number(data: bytes) -> int:
    try:
        value = unpack(data)
    except Unreadable:
        value = None
    if not isinstance(value, int) or isinstance(value, bool):
        raise CacheError("The value is no whole number that can be added to.")
    return value
