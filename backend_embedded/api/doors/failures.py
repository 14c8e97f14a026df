"""What went wrong, in the words and the form of each door."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from backend_embedded.api.doors.paths import Door
from backend_embedded.contract.errors import ErrorCode
from backend_embedded.errors import (
    ControlCenterError,
    Forbidden,
    InvalidInput,
    ModelNotFound,
    QueueFull,
    RateLimited,
    Unauthorized,
)

BUSY = "server busy, please try again.  maximum pending requests exceeded"
CODES = {
    ErrorCode.MODEL_NOT_FOUND: "model_not_found",
    ErrorCode.UNAUTHORIZED: "invalid_api_key",
    ErrorCode.CONTEXT_EXCEEDED: "context_length_exceeded",
    ErrorCode.RATE_LIMITED: "rate_limit_exceeded",
}
STATUSES = {422: 400, 507: 500}
"""Statuses that clients of the two doors do not know, and what the originals answer instead."""


class BadRequest(InvalidInput):
    """A request that a door cannot take; the message is its whole text.

    Attributes:
        param: the field at fault.
    """

    http_status = 400

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def unknown_model(name: str, *, pull: bool = False) -> ModelNotFound:
    """The refusal of a name that no model has, in Ollama's words.

    Args:
        pull: in the words of its scheduler, which tells to pull.
    """
    if pull:
        return ModelNotFound(f'model "{name}" not found, try pulling it first')
    return ModelNotFound(f"model '{name}' not found")


def status_of(error: ControlCenterError) -> int:
    """HTTP status of a failure at a door."""
    return STATUSES.get(error.http_status, error.http_status)


def text_of(error: ControlCenterError) -> str:
    """What happened and what to do, in one line."""
    if isinstance(error, QueueFull):
        return BUSY
    return f"{error.message} {error.remedy}" if error.remedy else error.message


def failure_body(error: ControlCenterError, door: Door, status: int | None = None) -> dict[str, Any]:
    """The JSON object that tells a failure."""
    if door is Door.OLLAMA:
        return {"error": "unauthorized" if isinstance(error, Unauthorized) else text_of(error)}
    param = "model" if isinstance(error, ModelNotFound) else getattr(error, "param", None)
    return {
        "error": {
            "message": text_of(error),
            "type": _type(error, status or status_of(error)),
            "param": param,
            "code": CODES.get(error.code),
        }
    }


def door_failure(error: ControlCenterError, door: Door, status: int | None = None) -> Response:
    """The answer to a request that failed."""
    number = status or status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if number == 401 else retry_header(error)
    return Response(
        orjson.dumps(failure_body(error, door, number)), number, headers, "application/json; charset=utf-8"
    )


def retry_header(error: ControlCenterError) -> dict[str, str] | None:
    """When to come back, for who came too often."""
    if not isinstance(error, RateLimited):
        return None
    return {"Retry-After": str(error.details["retry_after_s"])}


def _type(error: ControlCenterError, status: int) -> str:
    if isinstance(error, RateLimited):
        return "requests"
    if status == 404:
        return "not_found_error"
    if isinstance(error, Forbidden) or 400 <= status < 500:
        return "invalid_request_error"
    return "api_error"
