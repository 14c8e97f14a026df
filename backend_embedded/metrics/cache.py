"""Counters and gauges of the cache and of the limits that stand on it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

CALL_BUCKETS_S = (0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5)


class CacheMetrics:
    """Counts what the cache does."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lookups = Counter(
            "sutazai_cache_lookups",
            "Values looked for, by kind of key and whether they were there (hit, miss).",
            ("kind", "result"),
            registry=registry,
        )
        self._evictions = Counter(
            "sutazai_cache_evictions",
            "Values that the cache in this program forgot to make room.",
            registry=registry,
        )
        self._entries = Gauge(
            "sutazai_cache_entries", "Values in the cache in this program.", registry=registry
        )
        self._bytes = Gauge(
            "sutazai_cache_bytes",
            "What they take, with their keys and upkeep; bounded.",
            registry=registry,
        )
        self._calls = Histogram(
            "sutazai_cache_call_seconds",
            "Time of calls of the cache, by who served them.",
            ("provider",),
            buckets=CALL_BUCKETS_S,
            registry=registry,
        )
        self._failovers = Counter(
            "sutazai_cache_failovers", "Times that Redis was lost while it was in use.", registry=registry
        )
        self._limited = Counter(
            "sutazai_rate_limited",
            "Requests of other programs that were refused because they came too fast.",
            ("endpoint",),
            registry=registry,
        )

    def looked_up(self, kind: str, found: bool) -> None:
        """A value was looked for."""
        self._lookups.labels(kind, "hit" if found else "miss").inc()

    def evicted(self, entries: int) -> None:
        """Values were forgotten to make room."""
        self._evictions.inc(entries)

    def holds(self, entries: int, size_bytes: int) -> None:
        """What the store in this program holds now."""
        self._entries.set(entries)
        self._bytes.set(size_bytes)

    def called(self, provider: str, seconds: float) -> None:
        """A call was served."""
        self._calls.labels(provider).observe(seconds)

    def failed_over(self) -> None:
        """Redis was lost while it was in use."""
        self._failovers.inc()

    def limited(self, endpoint: str) -> None:
        """A request was refused because it came too fast."""
        self._limited.labels(endpoint).inc()
