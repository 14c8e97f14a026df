"""Reads the body of a request to a door, whatever content type it says it has."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from backend_embedded.api.doors.failures import BadRequest

B = TypeVar("B", bound=BaseModel)


class Body(BaseModel):
    """A body whose unknown fields are ignored and whose fields keep their JSON types."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


async def read_body(request: Request, kind: type[B]) -> B:
    """The body as `kind`.

    Raises:
        BadRequest: it is missing, no JSON object, or a field has another type.
    """
    data = await request.body()
    if not data.strip():
        raise BadRequest("missing request body")
    try:
        value: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"invalid JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequest("the body of the request must be a JSON object")
    try:
        # Strings of the request stand for enumerations, and JSON lists for tuples: lax where JSON has no form.
        return kind.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise BadRequest(f"invalid value for {field}: {problem['msg']}", field or None) from error


def lift_time_limit(request: Request) -> None:
    """Let an answer take as long as it takes: clients of the two doors have their own limits."""
    limit = request.scope.get("time_limit")
    if isinstance(limit, asyncio.Timeout):
        limit.reschedule(None)
