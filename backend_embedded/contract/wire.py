"""The base of every type that crosses the wire."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """A frozen value; an unknown field from a newer peer is ignored, never an error."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)
