"""What the backend counts about services that fail: errors told, calls made again, circuits."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

BREAKER_VALUES = {"closed": 0, "half_open": 1, "open": 2}


class ResilienceMetrics:
    """Fills the registry of one backend."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._errors = Counter(
            "sutazai_errors", "Errors told to clients, by code.", ("code",), registry=registry
        )
        self._retries = Counter(
            "sutazai_retries",
            "Calls made again, by policy and reason.",
            ("policy", "reason"),
            registry=registry,
        )
        self._exhausted = Counter(
            "sutazai_retries_exhausted",
            "Calls that failed for good with what could have been tried again.",
            ("policy", "reason"),
            registry=registry,
        )
        self._breakers = Gauge(
            "sutazai_breaker_state",
            "Circuit breaker of a service: 0 closed, 1 half-open, 2 open.",
            ("service",),
            registry=registry,
        )

    def failed(self, code: str) -> None:
        """An error was told."""
        self._errors.labels(code).inc()

    def retried(self, policy: str, reason: str) -> None:
        """A call is made again."""
        self._retries.labels(policy, reason).inc()

    def gave_up(self, policy: str, reason: str) -> None:
        """The last try failed too."""
        self._exhausted.labels(policy, reason).inc()

    def watch_breaker(self, service: str, state: Callable[[], str]) -> None:
        """Ask for a circuit's state at every scrape."""
        self._breakers.labels(service).set_function(lambda: BREAKER_VALUES[state()])
