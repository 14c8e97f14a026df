"""The ids that every log line of a request carries."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request: its own id, the id of what it is part of, and `METHOD /path`."""

    request_id: str
    correlation_id: str
    endpoint: str


NOWHERE = RequestContext("", "", "")

current_request: ContextVar[RequestContext] = ContextVar("current_request", default=NOWHERE)
"""The request that the running task serves."""
