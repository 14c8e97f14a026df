"""What the models page's presenter asks of the backend, and whom it tells."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from backend_embedded.contract.library import (
        CatalogueEntry,
        Download,
        ImportRequest,
        ModelDetails,
        ModelPatch,
        PullRequest,
        Remote,
    )
    from backend_embedded.contract.models import Model
    from backend_embedded.contract.ollama import OllamaProgress, OllamaStatus


class Library(Protocol):
    """The calls of the backend that are about models. Every method raises `ClientError`."""

    async def models(self) -> list[Model]:
        """All models on this machine."""
        ...

    async def load_model(self, name: str, /) -> object:
        """Bring a model into memory now."""
        ...

    async def unload_model(self, name: str, /) -> object:
        """Free a model's memory."""
        ...

    async def model_details(self, name: str, /) -> ModelDetails:
        """What is known of a model."""
        ...

    async def patch_model(self, name: str, patch: ModelPatch, /) -> object:
        """Pin it, let it go, or make it the default."""
        ...

    async def remove_model(self, name: str, /) -> object:
        """Remove it from the disk."""
        ...

    async def remove_ollama_model(self, name: str, /) -> object:
        """Have the Ollama server remove one of its models."""
        ...

    async def ollama(self) -> OllamaStatus:
        """The Ollama server, as it was seen last."""
        ...

    def pull_ollama_model(self, name: str, /) -> AsyncGenerator[OllamaProgress, None]:
        """Have the Ollama server fetch a model; closing the generator holds it."""
        ...

    async def import_model(self, request: ImportRequest, /) -> Download:
        """Begin to take a GGUF file of this machine into the library."""
        ...

    async def catalogue(self) -> Sequence[CatalogueEntry]:
        """The models that the program knows of."""
        ...

    async def remote(self, reference: str, /) -> Remote:
        """What is known of a model before it is fetched."""
        ...

    async def downloads(self) -> Sequence[Download]:
        """All downloads that are not over."""
        ...

    async def pull(self, request: PullRequest, /) -> Download:
        """Begin a download."""
        ...

    async def pause_download(self, download_id: str, /) -> object:
        """Hold a download; what was fetched stays."""
        ...

    async def resume_download(self, download_id: str, /) -> object:
        """Go on with a download that was held or that failed."""
        ...

    async def cancel_download(self, download_id: str, /) -> object:
        """Give a download up and remove what was fetched; one that is done goes off the list."""
        ...
