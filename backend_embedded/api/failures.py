"""Answers for what went wrong: the envelope of the specification (8.1) or RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from backend_embedded.api.doors.failures import door_failure, retry_header
from backend_embedded.api.doors.paths import door_of
from backend_embedded.contract.envelope import Failure, Metadata
from backend_embedded.contract.errors import ErrorBody
from backend_embedded.errors import ControlCenterError, InvalidInput
from backend_embedded.logs.context import current_request

PROBLEM = "application/problem+json"


def error_body(error: ControlCenterError) -> ErrorBody:
    """The wire form of an error, with the correlation id of the request that is served."""
    return ErrorBody(
        code=error.code,
        message=error.message,
        remedy=error.remedy,
        details=error.details,
        trace_id=current_request.get().correlation_id,
    )


def failure_response(
    error: ControlCenterError, accept: str, path: str, status: int | None = None
) -> Response:
    """The answer to a request that failed.

    Args:
        accept: the request's Accept header; naming problem+json in it gets problem details.
        path: of the request, the `instance` of a problem.
        status: HTTP status, if not the error's own.
    """
    door = door_of(path)
    if door is not None:
        return door_failure(error, door, status)
    body = error_body(error)
    status = status or error.http_status
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else retry_header(error)
    if PROBLEM in accept:
        problem = {
            "type": f"urn:sutazai:error:{body.code.lower()}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": body.message,
            "instance": path,
            **body.model_dump(mode="json", include={"code", "remedy", "trace_id", "details"}),
        }
        return Response(_json(problem), status, headers, PROBLEM)
    metadata = Metadata(request_id=current_request.get().request_id, timestamp=datetime.now(UTC))
    return Response(
        _json(Failure(error=body, metadata=metadata).model_dump(mode="json")),
        status,
        headers,
        "application/json",
    )


def raised_again(body: ErrorBody) -> ControlCenterError:
    """The error that a body was made from, for an answer that can still have a status."""
    kinds: list[type[ControlCenterError]] = [ControlCenterError]
    for kind in kinds:
        if kind.code == body.code:
            break
        kinds.extend(kind.__subclasses__())
    else:
        kind = ControlCenterError
    return kind(body.message, remedy=body.remedy, **body.details)


def invalid_input(problems: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """What pydantic found wrong with a request, field by field."""
    fields = [
        {"field": ".".join(str(part) for part in problem["loc"]), "problem": str(problem["msg"])}
        for problem in problems
    ]
    first = fields[0] if fields else {"field": "request", "problem": "cannot be read"}
    return InvalidInput(
        f"The request cannot be carried out: {first['field']}: {first['problem']}.",
        remedy="Correct the fields that are named in the details.",
        fields=fields,
    )


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
