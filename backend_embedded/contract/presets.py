"""Named ways to be answered: a system prompt, sampling and a model."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from backend_embedded.contract.generation import SamplingOptions
from backend_embedded.contract.wire import Wire


class PresetValues(Wire):
    """Body of `POST /api/v1/presets` and `PUT /api/v1/presets/{id}`."""

    name: str = Field(min_length=1, max_length=80)
    system: str = ""
    model: str | None = None
    options: SamplingOptions = SamplingOptions()


class Preset(PresetValues):
    """A stored preset."""

    id: UUID


class PresetFile(Wire):
    """What `GET /api/v1/presets/export` answers and `POST /api/v1/presets/import` takes."""

    format: Literal["sutazai-presets"] = "sutazai-presets"
    version: Literal[1] = 1
    presets: tuple[PresetValues, ...]
