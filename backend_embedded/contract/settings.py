"""The backend's settings: what is kept in `config/backend.json` of a home."""

from __future__ import annotations

from pydantic import Field

from backend_embedded.contract.wire import Wire


class BackendSettings(Wire):
    """Settings of the service layer; every field has a default that works."""

    models_folder: str = ""
    """Folder that is searched for GGUF files; empty: the home's own."""
    default_model: str = ""
    """Name of the model to use; empty: TinyLlama when it is there, else the starter model."""
    threads: int = Field(0, ge=0, le=256)
    """Threads that decode; 0: one for each physical core."""
    context_size: int = Field(4096, ge=256, le=1_048_576)
    """Tokens that one conversation may hold; at most the model's training context is used."""
    keep_alive_s: int = Field(300, ge=-1)
    """Seconds after the last use until a model is unloaded; -1: never."""


class SettingsPatch(Wire):
    """Body of `PATCH /api/v1/settings`; a field that is absent is left alone."""

    models_folder: str | None = None
    default_model: str | None = None
    threads: int | None = Field(None, ge=0, le=256)
    context_size: int | None = Field(None, ge=256, le=1_048_576)
    keep_alive_s: int | None = Field(None, ge=-1)
