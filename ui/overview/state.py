"""What the overview page shows, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backend_embedded.contract.status import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend_embedded.contract.ledger import AuditLine
    from backend_embedded.contract.queue import QueueDepth, QueueStatus
    from backend_embedded.contract.status import Capability, Figures

ORDER = ("model", "store", "cache", "queue", "events")
NAMES = {"model": "Language model", "store": "Store", "cache": "Cache", "queue": "Queue", "events": "Events"}
PROVIDERS = {"embedded": "In this program", "ollama": "Ollama"}
SETTING_OF = {"model": "providers", "store": "services", "cache": "services", "queue": "services"}
"""Section of the settings in which a capability is changed."""
CIRCUITS = {"closed": "closed", "half_open": "being tried", "open": "open, not asked for now"}
QUEUES = {
    "task.queue": "Tasks",
    "result.queue": "Results",
    "event.queue": "Events",
    "dlq.queue": "Dead letters",
}


@dataclass(frozen=True)
class OverviewState:
    """All that the page shows.

    Attributes:
        capabilities: None while they were never heard of.
        queue: None while it was never read.
        lines: of the audit log, the latest first; None while they were never read.
        figures: counted since the backend's start; None while they were never read.
        read_at: when queue and lines were read last.
        failure: why they could not be read; empty when they could.
        busy: they are being read.
    """

    connected: bool = False
    capabilities: tuple[Capability, ...] | None = None
    queue: QueueStatus | None = None
    lines: tuple[AuditLine, ...] | None = None
    figures: Figures | None = None
    read_at: datetime | None = None
    failure: str = ""
    busy: bool = False


@dataclass(frozen=True)
class CapabilityRow:
    """One line of the table of capabilities."""

    key: str
    state: str
    name: str
    provider: str
    detail: str
    tone: str
    """Colour token of the detail."""
    holds: str
    latency: str

    @property
    def spoken(self) -> str:
        """The line as a screen reader says it."""
        parts = (self.name, self.state, self.provider, self.detail, self.holds, self.latency)
        return ", ".join(part for part in parts if part)


def rows_of(capabilities: Sequence[Capability]) -> list[CapabilityRow]:
    """The capabilities in their order; unknown ones come last."""
    place = {name: at for at, name in enumerate(ORDER)}
    ordered = sorted(capabilities, key=lambda one: (place.get(one.name, len(ORDER)), one.name))
    return [row_of(capability) for capability in ordered]


def row_of(capability: Capability) -> CapabilityRow:
    """One capability; the reason, if there is one, stands in the place of the product."""
    fine = capability.state is State.OK
    name = capability.name
    return CapabilityRow(
        key=name,
        state=capability.state.value,
        name=NAMES.get(name, name.replace("_", " ").capitalize()),
        provider=PROVIDERS.get(capability.provider, capability.provider),
        detail=capability.reason or capability.product,
        tone="text2" if fine else capability.state.value,
        holds=capability.holds,
        latency=latency_words(capability.latency_ms),
    )


def latency_words(latency_ms: float | None) -> str:
    """`0.03 ms`, `4.3 ms`, `41 ms`, `1.2 s`; empty for None."""
    if latency_ms is None:
        return ""
    if latency_ms >= 1000:
        return f"{latency_ms / 1000:.1f} s"
    digits = 0 if latency_ms >= 10 else 1 if latency_ms >= 1 else 2
    return f"{latency_ms:.{digits}f} ms"


def counts_of(capabilities: Sequence[Capability]) -> str:
    """`4 ok, 1 degraded`."""
    found = ((state, sum(1 for one in capabilities if one.state is state)) for state in State)
    return ", ".join(f"{count} {state.value}" for state, count in found if count)


def broken(capabilities: Sequence[Capability]) -> Capability | None:
    """The first capability that is down: it has a band over the page."""
    return next((one for one in capabilities if one.state is State.DOWN), None)


def queue_line(depth: QueueDepth) -> tuple[str, str]:
    """Name and figures of a queue: `Tasks`, `12 waiting, 3 under way, 4.0 a second`."""
    parts = [f"{depth.ready:,} waiting"]
    if depth.unacknowledged:
        parts.append(f"{depth.unacknowledged:,} under way")
    if depth.handled_per_s >= 0.05:
        parts.append(f"{depth.handled_per_s:.1f} a second")
    return QUEUES.get(depth.name.value, depth.name.value), ", ".join(parts)


def figure_lines(figures: Figures) -> list[tuple[str, str]]:
    """What was counted, and the circuits: `Circuit of cache`, `open, not asked for now`."""
    counted = [
        ("Requests", figures.requests),
        ("Errors told", figures.errors),
        ("Calls made again", figures.retries),
        ("Given up", figures.gave_up),
    ]
    lines = [(words, f"{count:,}") for words, count in counted]
    return lines + [
        (f"Circuit of {PROVIDERS.get(name, name)}", CIRCUITS.get(s, s))
        for name, s in sorted(figures.breakers.items())
    ]


def line_words(line: AuditLine) -> str:
    """`Settings changed`, `Conversation created`."""
    entity = line.entity.replace("_", " ").capitalize()
    named = isinstance(line.entity_id, str) and line.entity in ("model", "capability") and line.entity_id
    return f"{entity} {line.action}: {line.entity_id}" if named else f"{entity} {line.action}"


def ago(then: datetime, now: datetime) -> str:
    """`now`, `4 min`, `3 h`, `2 d`."""
    seconds = (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"
