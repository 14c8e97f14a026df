"""The envelope of every JSON answer (specification 8.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import Field

from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.wire import Wire

T = TypeVar("T")


class PageInfo(Wire):
    """Which part of a list this answer holds."""

    total: int
    limit: int
    offset: int


class Metadata(Wire):
    """Ids and times of one answer."""

    request_id: str = ""
    processing_time_ms: int = 0
    timestamp: datetime | None = None
    page: PageInfo | None = None


class Success(Wire, Generic[T]):
    """An answer of status 2xx."""

    status: Literal["success"] = "success"
    data: T
    metadata: Metadata = Field(default_factory=Metadata)


class Failure(Wire):
    """An answer of status 4xx or 5xx."""

    status: Literal["error"] = "error"
    error: ErrorBody
    metadata: Metadata = Field(default_factory=Metadata)
