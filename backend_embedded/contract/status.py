"""What each capability is doing, as the status bar and `/api/v1/status` show it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from backend_embedded.contract.wire import Wire


class State(StrEnum):
    """The three states a capability can be in."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class Capability(Wire):
    """One capability: who serves it, how well, why and since when."""

    name: str
    """`model`, `store`, `events`."""
    state: State
    provider: str
    """`embedded`, or the product's name."""
    product: str
    """What serves it, with version or model name."""
    reason: str = ""
    """Why it is not ok; of one that is ok, what could be better: a server that was found and refuses us."""
    since: datetime
    latency_ms: float | None = None
    """Time of the last probe or call; None when there is nothing to measure."""
    holds: str = ""
    """What it holds, for people: `12 conversations, 4.1 MB`."""


class Figures(Wire):
    """What was counted since the start."""

    requests: int = 0
    """HTTP requests answered."""
    errors: int = 0
    """Errors told to clients."""
    retries: int = 0
    """Calls of services made again."""
    gave_up: int = 0
    """Calls that failed at their last try."""
    breakers: dict[str, str] = Field(default_factory=dict)
    """State of the circuit of each guarded service: `closed`, `half_open`, `open`."""


class SystemStatus(Wire):
    """Answer of `GET /api/v1/status`."""

    version: str
    run_id: str
    started_at: datetime
    state: State
    """The worst of the capabilities."""
    capabilities: tuple[Capability, ...]
    figures: Figures = Figures()


class Health(Wire):
    """Answer of `GET /health`, the one route that needs no token."""

    state: State
    version: str
