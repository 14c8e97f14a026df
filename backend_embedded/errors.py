"""The one tree of errors that the service layer raises; the API turns each into its wire form.

ControlCenterError
├── InvalidInput ── ContextExceeded
├── Unauthorized, Forbidden, NotFound, Conflict, TooLarge, TimedOut, RateLimited
├── ModelError
│   ├── ModelNotFound, ModelFileInvalid, ModelUnsupported, NotEnoughMemory, ModelLoading
│   └── QueueFull
├── EngineError ── EngineMissing, EngineCrashed
├── StorageError ── StorageUnavailable
├── CacheError ── CacheUnavailable
├── QueueUnavailable
└── DownloadFailed
"""

from __future__ import annotations

from typing import Any

from backend_embedded.contract.errors import ErrorCode


class ControlCenterError(Exception):
    """An error with a code to decide by, a sentence for people and a remedy.

    Attributes:
        code: what programs decide by.
        http_status: status of the HTTP answer.
        message: what happened and why, one or two sentences.
        remedy: what the user can do, or None.
        details: JSON-ready facts (names, sizes, counts).
    """

    code = ErrorCode.INTERNAL
    http_status = 500

    def __init__(self, message: str, *, remedy: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details


class InvalidInput(ControlCenterError):
    """The request cannot be carried out as it was written."""

    code = ErrorCode.INVALID_INPUT
    http_status = 422


class ContextExceeded(InvalidInput):
    """The prompt and the room for the answer do not fit in the context.

    Details: `prompt_tokens`, `context_size` (tokens).
    """

    code = ErrorCode.CONTEXT_EXCEEDED
    http_status = 400


class Unauthorized(ControlCenterError):
    """No token, or a wrong one."""

    code = ErrorCode.UNAUTHORIZED
    http_status = 401


class Forbidden(ControlCenterError):
    """The Host or Origin of the request is not this machine's."""

    code = ErrorCode.FORBIDDEN
    http_status = 403


class NotFound(ControlCenterError):
    """The thing named does not exist."""

    code = ErrorCode.NOT_FOUND
    http_status = 404


class Conflict(ControlCenterError):
    """The thing is in a state that does not allow the request."""

    code = ErrorCode.CONFLICT
    http_status = 409


class TooLarge(ControlCenterError):
    """The body of the request is over the limit."""

    code = ErrorCode.TOO_LARGE
    http_status = 413


class TimedOut(ControlCenterError):
    """The work took longer than its limit."""

    code = ErrorCode.TIMED_OUT
    http_status = 504


class RateLimited(ControlCenterError):
    """The caller asked more often than it may. Details: `retry_after_s` (whole seconds), `limit`."""

    code = ErrorCode.RATE_LIMITED
    http_status = 429


class ModelError(ControlCenterError):
    """A model cannot do what was asked of it."""

    code = ErrorCode.MODEL_ERROR
    http_status = 500


class ModelNotFound(ModelError):
    """No model of that name is on this machine."""

    code = ErrorCode.MODEL_NOT_FOUND
    http_status = 404


class ModelFileInvalid(ModelError):
    """The file is not a GGUF, is truncated or is corrupt. Details: `file`."""

    code = ErrorCode.MODEL_FILE_INVALID
    http_status = 422


class ModelUnsupported(ModelError):
    """The engine does not know the model's architecture. Details: `file`, `architecture`."""

    code = ErrorCode.MODEL_UNSUPPORTED
    http_status = 422


class NotEnoughMemory(ModelError):
    """The model and its context need more memory than is free. Details: `needed_bytes`, `free_bytes`."""

    code = ErrorCode.NOT_ENOUGH_MEMORY
    http_status = 507


class ModelLoading(ModelError):
    """The model is still being loaded; try again soon."""

    code = ErrorCode.MODEL_LOADING
    http_status = 503


class QueueFull(ModelError):
    """Too many requests wait already. Details: `waiting`."""

    code = ErrorCode.QUEUE_FULL
    http_status = 503


class EngineError(ControlCenterError):
    """The local engine is not able to serve."""

    code = ErrorCode.ENGINE_ERROR
    http_status = 503


class EngineMissing(EngineError):
    """llama.cpp is not built yet on this machine."""

    code = ErrorCode.ENGINE_MISSING


class EngineCrashed(EngineError):
    """The model runner ended while it was working. Details: `signal` or `exit_code`."""

    code = ErrorCode.ENGINE_CRASHED


class StorageError(ControlCenterError):
    """The store refused or failed."""

    code = ErrorCode.STORAGE_ERROR


class StorageUnavailable(StorageError):
    """The store cannot be reached or written (gone, locked, disk full)."""

    code = ErrorCode.STORAGE_UNAVAILABLE
    http_status = 503


class DownloadFailed(ControlCenterError):
    """A model cannot be fetched. Details: `url`, `status`, as far as they are known."""

    code = ErrorCode.DOWNLOAD_FAILED
    http_status = 502


class QueueUnavailable(ControlCenterError):
    """The message queue cannot be reached or written."""

    code = ErrorCode.QUEUE_UNAVAILABLE
    http_status = 503


class CacheError(ControlCenterError):
    """The cache refused what was asked of it."""

    code = ErrorCode.CACHE_ERROR


class CacheUnavailable(CacheError):
    """The server behind the cache cannot be reached, does not answer, or takes no writes."""

    code = ErrorCode.CACHE_UNAVAILABLE
    http_status = 503
