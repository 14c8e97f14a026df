"""Error codes and the wire form of an error; programs decide by `code`, never by text."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from backend_embedded.contract.wire import Wire


class ErrorCode(StrEnum):
    """Every code an answer can carry."""

    INTERNAL = "INTERNAL"
    INVALID_INPUT = "INVALID_INPUT"
    CONTEXT_EXCEEDED = "CONTEXT_EXCEEDED"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    TOO_LARGE = "TOO_LARGE"
    TIMED_OUT = "TIMED_OUT"
    RATE_LIMITED = "RATE_LIMITED"
    MODEL_ERROR = "MODEL_ERROR"
    MODEL_NOT_FOUND = "MODEL_NOT_FOUND"
    MODEL_FILE_INVALID = "MODEL_FILE_INVALID"
    MODEL_UNSUPPORTED = "MODEL_UNSUPPORTED"
    NOT_ENOUGH_MEMORY = "NOT_ENOUGH_MEMORY"
    MODEL_LOADING = "MODEL_LOADING"
    QUEUE_FULL = "QUEUE_FULL"
    ENGINE_ERROR = "ENGINE_ERROR"
    ENGINE_MISSING = "ENGINE_MISSING"
    ENGINE_CRASHED = "ENGINE_CRASHED"
    STORAGE_ERROR = "STORAGE_ERROR"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    CACHE_ERROR = "CACHE_ERROR"
    CACHE_UNAVAILABLE = "CACHE_UNAVAILABLE"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    QUEUE_UNAVAILABLE = "QUEUE_UNAVAILABLE"
    BACKEND_UNREACHABLE = "BACKEND_UNREACHABLE"
    """Made by the client when no answer came; never sent by the backend."""


class ErrorBody(Wire):
    """What happened, in a code for programs and words for people (specification 8.1)."""

    code: ErrorCode
    message: str
    """What happened and why."""
    remedy: str | None = None
    """What the user can do about it."""
    details: dict[str, Any] = Field(default_factory=dict)
    trace_id: str = ""
    """Correlation id under which the log has more."""
