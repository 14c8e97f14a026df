"""Which door a path belongs to."""

from __future__ import annotations

from enum import StrEnum

OWN_PREFIX = "/api/v1"


class Door(StrEnum):
    """An API that other programs speak."""

    OLLAMA = "ollama"
    OPENAI = "openai"


def door_of(path: str) -> Door | None:
    """The door of a path; None for the program's own routes."""
    if path == "/v1" or path.startswith("/v1/"):
        return Door.OPENAI
    if path == OWN_PREFIX or path.startswith(f"{OWN_PREFIX}/"):
        return None
    return Door.OLLAMA if path in ("/", "/api") or path.startswith("/api/") else None
