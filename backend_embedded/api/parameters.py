"""Query parameters that several routes share."""

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=1_000, description="At most so many items.")]
Offset = Annotated[int, Query(ge=0, description="Items of the list to skip.")]
Fields = Annotated[
    str | None,
    Query(description="Comma-separated fields to keep of each object.", examples=["id,title"]),
]

DEFAULT_LIMIT = 100
