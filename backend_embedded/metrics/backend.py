"""The backend's counters, gauges and histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from backend_embedded.contract.generation import GenerationStats
from backend_embedded.contract.status import Capability, Figures, State
from backend_embedded.metrics.cache import CacheMetrics
from backend_embedded.metrics.resilience import ResilienceMetrics

DURATION_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STATE_VALUES = {State.DOWN: 0, State.DEGRADED: 1, State.OK: 2}


class PoolMetrics:
    """Counts what becomes of the connections to PostgreSQL."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waits = Histogram(
            "sutazai_database_pool_wait_seconds",
            "Time until a connection to PostgreSQL was handed out.",
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self._exhausted = Counter(
            "sutazai_database_pool_exhausted",
            "Times that a connection to PostgreSQL was wanted while all were in use.",
            registry=registry,
        )
        self._in_use = Gauge(
            "sutazai_database_pool_in_use", "Connections to PostgreSQL in use.", registry=registry
        )

    def waited(self, seconds: float) -> None:
        """A connection was handed out after so long."""
        self._waits.observe(seconds)

    def exhausted(self) -> None:
        """A connection was wanted while all were in use."""
        self._exhausted.inc()

    def in_use(self, count: int) -> None:
        """So many connections are in use."""
        self._in_use.set(count)


class BackendMetrics:
    """Counts what the backend does; every instance has its own registry."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.generating = 0
        """Answers that are read, written or waited for now."""
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "sutazai_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._durations = Histogram(
            "sutazai_http_request_duration_seconds",
            "Time from a request's first byte to the end of its answer; streams last as long as they stream.",
            ("method", "route"),
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self._tokens = Counter(
            "sutazai_tokens",
            "Tokens read (prompt), kept from before (cached) and made (completion).",
            ("model", "kind"),
            registry=registry,
        )
        self._first_token = Histogram(
            "sutazai_first_token_seconds",
            "Time from a request to its first token, queue included.",
            ("model",),
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self._generations = Counter(
            "sutazai_generations", "Answers ended, by how.", ("outcome",), registry=registry
        )
        self._rate = Gauge(
            "sutazai_decode_tokens_per_second",
            "Decode rate of the latest answer, by its provider's own figures.",
            ("provider", "model"),
            registry=registry,
        )
        self._phases = Counter(
            "sutazai_answer_seconds",
            "Time of answers by phase, as the provider told it (Ollama's final fields): queue, prompt, decode.",
            ("provider", "model", "phase"),
            registry=registry,
        )
        self._active = Gauge(
            "sutazai_generations_active", "Answers that are read, written or waited for.", registry=registry
        )
        self._queued = Gauge("sutazai_queue_length", "Requests that wait for the model.", registry=registry)
        self._capability = Gauge(
            "sutazai_capability_state",
            "State of a capability: 0 down, 1 degraded, 2 ok; the model's is that of its runner.",
            ("name", "provider"),
            registry=registry,
        )
        self.resilience = ResilienceMetrics(registry)
        """Of services that fail."""
        self.cache = CacheMetrics(registry)
        """Of the cache, locks and limits."""
        self.pool = PoolMetrics(registry)
        """Of the connections to a database in another process."""
        self._messages = Counter(
            "sutazai_messages",
            "Messages by queue and what became of them: published, handled, rejected, requeued.",
            ("queue", "outcome"),
            registry=registry,
        )
        self._waiting = Gauge(
            "sutazai_messages_waiting",
            "Messages that wait, by queue; outbox: for room in their queue, or for the queue itself.",
            ("queue",),
            registry=registry,
        )
        self._subscribers = Gauge("sutazai_event_subscribers", "Open event streams.", registry=registry)

    def request_ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    def generation_began(self) -> None:
        """An answer was asked for."""
        self.generating += 1
        self._active.inc()

    def generation_ended(self, outcome: str, stats: GenerationStats | None = None) -> None:
        """An answer ended; `outcome` is its finish reason."""
        self.generating -= 1
        self._active.dec()
        self._generations.labels(outcome).inc()
        if stats is not None:
            self._tokens.labels(stats.model, "prompt").inc(stats.prompt_tokens)
            self._tokens.labels(stats.model, "cached").inc(stats.cached_tokens)
            self._tokens.labels(stats.model, "completion").inc(stats.completion_tokens)
            self._first_token.labels(stats.model).observe(stats.ttft_ms / 1_000)
            whose = (stats.provider, stats.model)
            self._rate.labels(*whose).set(stats.tokens_per_s)
            for phase in ("queue", "prompt", "decode"):
                self._phases.labels(*whose, phase).inc(max(0.0, getattr(stats, f"{phase}_ms")) / 1_000)

    def message_counted(self, queue: str, outcome: str) -> None:
        """A message was published, handled, rejected or requeued."""
        self._messages.labels(queue, outcome).inc()

    def messages_wait(self, counts: Mapping[str, int]) -> None:
        """So many messages wait now, by queue; of a queue that is not named it is not known."""
        self._waiting.clear()
        for queue, count in counts.items():
            self._waiting.labels(queue).set(count)

    def waiting_changed(self, change: int) -> None:
        """One more (1) or one less (-1) request waits."""
        self._queued.inc(change)

    def watch_subscribers(self, count: Callable[[], int]) -> None:
        """Ask `count` for the open event streams at every scrape."""
        self._subscribers.set_function(count)

    def figures(self) -> Figures:
        """What was counted since the start, in sum."""
        return self.resilience.figures(self._requests)

    def text(self, capabilities: Sequence[Capability]) -> bytes:
        """Everything, in Prometheus' text format 0.0.4."""
        for capability in capabilities:
            self._capability.labels(capability.name, capability.provider).set(STATE_VALUES[capability.state])
        return generate_latest(self._registry)
