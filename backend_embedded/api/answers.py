"""Answers of requests that went well, in the envelope of the specification (8.1)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from backend_embedded.contract.envelope import Metadata, PageInfo
from backend_embedded.errors import InvalidInput
from backend_embedded.logs.context import current_request

Data = BaseModel | Sequence[BaseModel] | dict[str, Any] | None


def success(request: Request, data: Data, page: PageInfo | None = None, status: int = 200) -> Response:
    """Wrap `data`; `?fields=a,b` of the request keeps only those fields of each object in it."""
    answer = {"status": "success", "data": plain_data(request, data), "metadata": metadata_of(request, page)}
    return Response(orjson.dumps(answer), status, media_type="application/json")


def plain_data(request: Request, data: Data) -> Any:
    """What `data` is in JSON's types, with only the fields that the request wants."""
    return only_fields(request, _plain(data))


def only_fields(request: Request, plain: Any) -> Any:
    """Of each object the fields that the request wants."""
    wanted = request.query_params.get("fields")
    if wanted:
        plain = _only(plain, [name.strip() for name in wanted.split(",") if name.strip()])
    return plain


def metadata_of(request: Request, page: PageInfo | None = None) -> dict[str, Any]:
    """The ids and times of the answer to a request, in JSON's types."""
    began = request.scope.get("began_s", time.monotonic())
    metadata = Metadata(
        request_id=current_request.get().request_id,
        processing_time_ms=round((time.monotonic() - began) * 1_000),
        timestamp=datetime.now(UTC),
        page=page,
    )
    return metadata.model_dump(mode="json")


def _plain(data: Data) -> Any:
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json")
    if data is None or isinstance(data, dict):
        return data
    return [item.model_dump(mode="json") for item in data]


def _only(plain: Any, names: list[str]) -> Any:
    if isinstance(plain, list):
        return [_only(item, names) for item in plain]
    if not isinstance(plain, dict):
        return plain
    unknown = [name for name in names if name not in plain]
    if unknown:
        raise InvalidInput(
            f"There is no field {unknown[0]}.",
            remedy=f"The fields are: {', '.join(plain)}.",
            fields=[{"field": f"query.fields.{name}", "problem": "no such field"} for name in unknown],
        )
    return {name: plain[name] for name in names}
