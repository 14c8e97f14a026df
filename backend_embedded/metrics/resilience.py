"""What the backend counts about services that fail: errors told, calls made again, circuits."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from backend_embedded.contract.status import Figures

BREAKER_VALUES = {"closed": 0, "half_open": 1, "open": 2}


class ResilienceMetrics:
    """Fills the registry of one backend."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._states: dict[str, Callable[[], str]] = {}
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
        self._states[service] = state
        self._breakers.labels(service).set_function(lambda: BREAKER_VALUES[state()])

    def figures(self, requests: Counter) -> Figures:
        """The sums over all labels, beside those of `requests`."""
        return Figures(
            requests=total(requests),
            errors=total(self._errors),
            retries=total(self._retries),
            gave_up=total(self._exhausted),
            breakers={service: state() for service, state in self._states.items()},
        )


def total(counter: Counter) -> int:
    """The sum of a counter over all its labels."""
    samples = (sample for metric in counter.collect() for sample in metric.samples)
    return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))
