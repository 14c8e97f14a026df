"""The part of the scripted backend that keeps models: those on the machine, the catalogue, downloads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

from backend_embedded.contract.library import (
    CatalogueEntry,
    Download,
    DownloadState,
    ImportRequest,
    ModelDetails,
    ModelPatch,
    PullRequest,
    Remote,
)
from backend_embedded.contract.models import Model
from backend_embedded.contract.ollama import OllamaProgress
from ui.client.port import ClientError

BEGAN = datetime(2026, 3, 4, 9, 57, tzinfo=UTC)


class ScriptedLibrary:
    """Models, catalogue and downloads in memory; a download stands where the test puts it.

    Attributes:
        known: models on this machine.
        entries: the catalogue.
        remotes: what a look-up finds, by reference.
        told: details of models, by name; made of the model when there are none.
        fetching: downloads by id.
        progress: what the Ollama server tells of a pull.
    """

    def __init__(self) -> None:
        self.known: tuple[Model, ...] = ()
        self.entries: tuple[CatalogueEntry, ...] = ()
        self.remotes: dict[str, Remote] = {}
        self.told: dict[str, ModelDetails] = {}
        self.fetching: dict[str, Download] = {}
        self.progress: asyncio.Queue[OllamaProgress | ClientError] = asyncio.Queue()

    def _take(self, call: str, argument: Any = None) -> None:
        """Note a call, or refuse it; given by the whole backend."""
        raise NotImplementedError

    async def models(self) -> list[Model]:
        """Those that are known."""
        self._take("models")
        return list(self.known)

    async def load_model(self, name: str) -> None:
        """Mark it as loaded."""
        self._take("load_model", name)
        self._mark(name, loaded=True)

    async def unload_model(self, name: str) -> None:
        """Mark it as not loaded."""
        self._take("unload_model", name)
        self._mark(name, loaded=False)

    async def model_details(self, name: str) -> ModelDetails:
        """What was arranged, or only the model."""
        self._take("model_details", name)
        model = next(one for one in self.known if one.name == name)
        arranged = self.told.get(name) or ModelDetails(model=model, frees_bytes=model.size_bytes)
        return arranged.model_copy(update={"model": model})

    async def patch_model(self, name: str, patch: ModelPatch) -> ModelDetails:
        """Pin it, or make it the only default."""
        self._take("patch_model", (name, patch))
        if patch.default:
            self.known = tuple(one.model_copy(update={"default": False}) for one in self.known)
        self._mark(name, **patch.model_dump(exclude_unset=True))
        model = next(one for one in self.known if one.name == name)
        return self.told.get(name, ModelDetails(model=model)).model_copy(update={"model": model})

    async def remove_model(self, name: str) -> int:
        """Forget it."""
        self._take("remove_model", name)
        freed = sum(one.size_bytes for one in self.known if one.name == name)
        self.known = tuple(one for one in self.known if one.name != name)
        return freed

    async def copy_model(self, name: str, new_name: str) -> None:
        """Know it by a second name too."""
        self._take("copy_model", (name, new_name))
        model = next(one for one in self.known if one.name == name)
        self.known += (model.model_copy(update={"name": new_name, "default": False, "pinned": False}),)

    async def remove_ollama_model(self, name: str) -> None:
        """Forget it."""
        self._take("remove_ollama_model", name)
        self.known = tuple(one for one in self.known if one.name != name)

    async def pull_ollama_model(self, name: str) -> AsyncGenerator[OllamaProgress, None]:
        """Play what was put into `progress`; an error in it is raised."""
        self._take("pull_ollama_model", name)
        while True:
            event = await self.progress.get()
            if isinstance(event, ClientError):
                raise event
            yield event
            if event.done:
                return

    async def import_model(self, request: ImportRequest) -> Download:
        """An import that is listed as a download, named as its file."""
        self._take("import_model", request)
        name = request.path.rsplit("/", 1)[-1].removesuffix(".gguf")
        return self._begin_download(request.path, name, 1_000_000)

    async def catalogue(self) -> list[CatalogueEntry]:
        """The entries."""
        self._take("catalogue")
        return list(self.entries)

    async def remote(self, reference: str) -> Remote:
        """What is found under a reference."""
        self._take("remote", reference)
        return self.remotes[reference]

    async def downloads(self) -> list[Download]:
        """Those that are not over."""
        self._take("downloads")
        return list(self.fetching.values())

    async def pull(self, request: PullRequest) -> Download:
        """A download that waits for its turn."""
        self._take("pull", request)
        entry = next((one for one in self.entries if one.reference == request.reference), None)
        size_bytes = entry.size_bytes if entry else 0
        return self._begin_download(request.reference, request.name or request.reference, size_bytes)

    def _begin_download(self, reference: str, name: str, size_bytes: int) -> Download:
        made = Download(
            id=f"download-{len(self.fetching) + 1}",
            reference=reference,
            name=name,
            state=DownloadState.QUEUED,
            size_bytes=size_bytes,
            started_at=BEGAN,
        )
        self.fetching[made.id] = made
        return made

    async def pause_download(self, download_id: str) -> Download:
        """Hold it."""
        self._take("pause_download", download_id)
        return self.move(download_id, state=DownloadState.PAUSED)

    async def resume_download(self, download_id: str) -> Download:
        """Go on with it."""
        self._take("resume_download", download_id)
        return self.move(download_id, state=DownloadState.RUNNING)

    async def cancel_download(self, download_id: str) -> None:
        """Forget it."""
        self._take("cancel_download", download_id)
        del self.fetching[download_id]

    def move(self, download_id: str, **fields: Any) -> Download:
        """Put a download to another point."""
        self.fetching[download_id] = self.fetching[download_id].model_copy(update=fields)
        return self.fetching[download_id]

    def put(self, downloads: Sequence[Download]) -> None:
        """Have these downloads."""
        self.fetching = {one.id: one for one in downloads}

    def _mark(self, name: str, **fields: Any) -> None:
        self.known = tuple(one.model_copy(update=fields) if one.name == name else one for one in self.known)
