"""Trying the address of a service before it is set: what is asked, and what the server tells of itself."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from backend_embedded.contract.wire import Wire


class ServiceKind(StrEnum):
    """What a server is wanted for."""

    CACHE = "cache"
    QUEUE = "queue"
    DATABASE = "database"


class ServiceTest(Wire):
    """Body of `POST /api/v1/services/test`."""

    kind: ServiceKind
    url: str = Field(min_length=1, max_length=2048)


class ServiceFound(Wire):
    """Answer of `POST /api/v1/services/test`: a server that lets us in."""

    kind: ServiceKind
    product: str
    version: str
    latency_ms: float
    """Time of one round trip."""
