"""A log record as one line of JSON, in the format of the specification (10.2)."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson

from backend_embedded.logs.context import NOWHERE, RequestContext

LEVELS = {"WARNING": "WARN", "CRITICAL": "ERROR"}


class JsonLineFormatter(logging.Formatter):
    """Writes `timestamp, level, service, correlation_id, message, context` and, of a failure, `error`.

    What a caller gives as `extra={"context": {...}}` is added to the context.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        request: RequestContext = getattr(record, "request", NOWHERE)
        context: dict[str, Any] = {"logger": record.name}
        if request.request_id:
            context |= {"request_id": request.request_id, "endpoint": request.endpoint}
        context |= getattr(record, "context", {})
        line: dict[str, Any] = {
            "timestamp": _timestamp(record.created),
            "level": LEVELS.get(record.levelname, record.levelname),
            "service": self._service,
            "correlation_id": request.correlation_id,
            "message": record.getMessage(),
            "context": context,
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _error(record.exc_info[1])
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _timestamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _error(error: BaseException) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "stack_trace": "".join(traceback.format_exception(error)),
    }
