"""An Ollama server as the window sees it: `GET /api/v1/ollama` and what can be done with its models."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from backend_embedded.contract.wire import Wire


class OllamaState(StrEnum):
    """Whether there is a server."""

    OFF = "off"
    """The settings say that none is looked for."""
    LOOKING = "looking"
    """The first look is not over yet."""
    ABSENT = "absent"
    """None answers."""
    READY = "ready"


class OllamaRunning(Wire):
    """A model that the server has in memory."""

    name: str
    size_bytes: int
    """Memory that it takes."""
    gpu_bytes: int = 0
    context_size: int = 0
    """Tokens; 0 while unknown."""
    expires_at: datetime | None = None
    """When it is unloaded if nobody asks."""


class OllamaStatus(Wire):
    """Answer of `GET /api/v1/ollama`."""

    state: OllamaState
    url: str = ""
    """Where it answers, or was last looked for."""
    version: str = ""
    models: int = 0
    """How many it has."""
    running: tuple[OllamaRunning, ...] = ()
    reason: str = ""
    """Why it does not answer, in words."""


class OllamaPull(Wire):
    """Body of `POST /api/v1/ollama/pull`."""

    name: str = Field(min_length=1, max_length=300)
    """For example `tinyllama` or `gpt-oss:20b`."""


class OllamaProgress(Wire):
    """One server-sent event of a pull: `event: progress`, the last one has `done`."""

    kind: Literal["progress"] = "progress"
    status: str
    """Ollama's own words, for example `pulling manifest`."""
    digest: str = ""
    completed_bytes: int = 0
    total_bytes: int = 0
    done: bool = False
