"""The model library: what can be fetched, what is being fetched, and what is known of a model on the disk."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from backend_embedded.contract.models import Model
from backend_embedded.contract.wire import Wire


class CatalogueEntry(Wire):
    """A model that the program knows of: one row of `GET /api/v1/catalogue`."""

    reference: str
    """What `pull` takes: `tinyllama` or `tinyllama:1.1b` (Ollama registry), `hf.co/owner/name/file.gguf`."""
    title: str
    description: str
    size_bytes: int
    license: str
    """SPDX id, or the licence's own name."""
    parameters: int = 0
    quantization: str = ""
    context_length: int = 0
    embeds: bool = False
    tools: bool = False
    sha256: str = ""
    installed: bool = False
    memory_bytes: int = 0


class Remote(Wire):
    """Answer of `GET /api/v1/remote?reference=…`: what is known of a model before it is fetched."""

    reference: str
    title: str
    license: str = ""
    files: tuple[RemoteFile, ...]
    """Choose one when there are more (the quantisations of a repository)."""


class RemoteFile(Wire):
    """One file that can be fetched."""

    reference: str
    name: str
    size_bytes: int
    sha256: str = ""
    quantization: str = ""


class DownloadState(StrEnum):
    """What a download is doing."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    VERIFYING = "verifying"
    DONE = "done"
    FAILED = "failed"


class Download(Wire):
    """One download; its state is on the disk, so that it goes on after a crash."""

    id: str
    reference: str
    name: str
    """Name that the model will have."""
    state: DownloadState
    size_bytes: int = 0
    """0 while unknown."""
    done_bytes: int = 0
    bytes_per_s: float = 0
    remaining_s: float | None = None
    started_at: datetime
    retries: int = 0
    message: str = ""
    """What went wrong, or what it waits for."""
    remedy: str = ""


class PullRequest(Wire):
    """Body of `POST /api/v1/downloads`."""

    reference: str = Field(min_length=1, max_length=500)
    name: str | None = None
    """Name for the model; None: made of the reference."""


class ImportRequest(Wire):
    """Body of `POST /api/v1/models/import`: a GGUF file of this machine."""

    path: str = Field(min_length=1)
    move: bool = False
    """True: the file is moved; False: it is copied (or linked, where the file system can share its blocks)."""
    name: str | None = None


class ModelDetails(Wire):
    """Answer of `GET /api/v1/models/{name}`."""

    model: Model
    template: str = ""
    """The chat template's source."""
    license_text: str = ""
    beside: dict[str, str] = Field(default_factory=dict)
    """What the Ollama registry keeps beside the file: `template` (Go), `system`, `params` (JSON), `license`."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """The file's own metadata, long values shortened."""
    frees_bytes: int = 0
    """What removing it frees on the disk."""
    removable: bool = True
    why_not_removable: str = ""


class ModelPatch(Wire):
    """Body of `PATCH /api/v1/models/{name}`; a field that is absent is left alone."""

    pinned: bool | None = None
    default: bool | None = None


class CopyRequest(Wire):
    """Body of `POST /api/v1/models/{name}/copy`."""

    name: str = Field(min_length=1, max_length=200)


Remote.model_rebuild()
