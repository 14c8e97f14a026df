"""What can be done with the models of this machine: look at them, pin, copy and remove them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from backend_embedded.contract.library import CatalogueEntry, ModelDetails, ModelPatch, Remote
from backend_embedded.contract.models import Model, ModelSource
from backend_embedded.contract.settings import SettingsPatch
from backend_embedded.errors import Conflict, ModelFileInvalid, ModelNotFound
from backend_embedded.library.arrival import beside_file, check_new, model_file
from backend_embedded.library.catalogue import read_catalogue, with_installed
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.offer import file_name
from backend_embedded.library.resolver import Resolver
from backend_embedded.llm.files.gguf import read_metadata
from backend_embedded.llm.files.parts import base_name, part_files, parts_called
from backend_embedded.llm.port import LanguageModel
from backend_embedded.settings import SettingsFile

T = TypeVar("T")

LONGEST_VALUE = 400
TEMPLATE = "tokenizer.chat_template"
_KEPT = {
    ModelSource.STARTER: "It is on board with the program; only removing the program removes it.",
    ModelSource.OLLAMA_STORE: "It belongs to Ollama's store; remove it there with: ollama rm NAME",
    ModelSource.OLLAMA: "It is on an Ollama server; remove it there with: ollama rm NAME",
}


class Library:
    """The model library; open it with `async with`.

    Args:
        models: tells what is there and what is loaded.
        folder: models folder as it is set now.
        changed: looks for the models again.
    """

    def __init__(
        self,
        *,
        downloads: Downloads,
        resolver: Resolver,
        models: LanguageModel,
        settings: SettingsFile,
        folder: Callable[[], Path],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self.downloads = downloads
        self._resolver = resolver
        self._models = models
        self._settings = settings
        self._folder = folder
        self._changed = changed
        self._files = ThreadPoolExecutor(1, thread_name_prefix="library")
        self._net = ThreadPoolExecutor(2, thread_name_prefix="registries")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.shutdown()
        self._net.shutdown()

    async def catalogue(self) -> tuple[CatalogueEntry, ...]:
        """What the program knows of, with what is installed marked."""
        entries = await self._run(read_catalogue)
        return with_installed(entries, await self._models.models())

    async def remote(self, reference: str) -> Remote:
        """What is known of a model before it is fetched.

        Raises:
            InvalidInput, NotFound, DownloadFailed: as the registry says.
        """
        loop = asyncio.get_running_loop()
        return (await loop.run_in_executor(self._net, self._resolver.offers, reference)).wire()

    async def details(self, name: str) -> ModelDetails:
        """All that is known of a model.

        Raises:
            ModelNotFound: there is none of that name.
        """
        model = await self._model(name)
        why = _KEPT.get(model.source, "").replace("NAME", model.name)
        return await self._run(lambda: _details(model, why))

    async def patch(self, name: str, patch: ModelPatch) -> ModelDetails:
        """Pin a model, or make it the default one."""
        await self._model(name)
        settings = self._settings.current
        pinned, default = settings.pinned_models, settings.default_model
        if patch.pinned is not None:
            others = tuple(one for one in pinned if one != name)
            pinned = (*others, name) if patch.pinned else others
        if patch.default is not None:
            default = name if patch.default else ("" if default == name else default)
        if patch.pinned:
            await self._models.load(name)
        await self._settings.change(SettingsPatch(pinned_models=pinned, default_model=default))
        await self._changed()
        return await self.details(name)

    async def remove(self, name: str) -> int:
        """Remove a model from the disk; returns the bytes that it frees.

        Raises:
            Conflict: it is not this program's to remove, or it is answering.
        """
        details = await self.details(name)
        if not details.removable:
            raise Conflict(f"{name} cannot be removed.", remedy=details.why_not_removable)
        await self._models.unload(name)
        await self._run(lambda: _remove(Path(details.model.path)))
        settings = self._settings.current
        if name in settings.pinned_models:
            pinned = tuple(one for one in settings.pinned_models if one != name)
            await self._settings.change(SettingsPatch(pinned_models=pinned))
        await self._changed()
        return details.frees_bytes

    async def copy(self, name: str, new_name: str) -> None:
        """Give a model a second name; the file's blocks are shared where the disk can do that.

        Raises:
            Conflict: there is a model of the new name.
        """
        model = await self._model(name)
        wanted = file_name(new_name.removesuffix(".gguf"))
        linked = await self._run(lambda: _link(Path(model.path), self._folder(), wanted))
        if linked:
            await self._changed()
        else:
            await self.downloads.bring(model.path, wanted, move=False)

    async def _model(self, name: str) -> Model:
        models = await self._models.models()
        for model in models:
            if model.name == name:
                return model
        raise ModelNotFound(f"There is no model named {name}.", remedy="Choose one of the list.", model=name)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._files, work)


def _details(model: Model, why_kept: str) -> ModelDetails:
    path = Path(model.path)
    metadata: dict[str, object] = {}
    beside: dict[str, str] = {}
    frees = 0
    try:
        frees = 0 if why_kept or path.stat().st_nlink > 1 else model.size_bytes
        metadata = read_metadata(path)
    except (OSError, ModelFileInvalid):
        pass  # the model's own `problem` says it
    with contextlib.suppress(OSError, ValueError):  # only what the Ollama registry gave has such a file
        told = json.loads(beside_file(path).read_bytes())
        beside = {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}
    shown = {key: _short(value) for key, value in metadata.items() if key != TEMPLATE and value is not None}
    return ModelDetails(
        model=model,
        template=str(metadata.get(TEMPLATE) or beside.get("template", "")),
        license_text=beside.get("license", ""),
        beside=beside,
        metadata=shown,
        frees_bytes=frees,
        removable=not why_kept,
        why_not_removable=why_kept,
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _remove(path: Path) -> None:
    for file in part_files(path):
        file.unlink(missing_ok=True)
    beside_file(path).unlink(missing_ok=True)


def _link(source: Path, folder: Path, name: str) -> bool:
    """A second name for the same file, or the same parts; False where the disk cannot do that."""
    folder.mkdir(parents=True, exist_ok=True)
    files = part_files(source)
    names = parts_called(base_name(name) if len(files) > 1 else name, len(files))
    for one in names:
        check_new(folder, one)
    made: list[Path] = []
    try:
        for file, one in reversed(list(zip(files, names, strict=True))):  # the first is what makes it a model
            os.link(file, model_file(folder, one))
            made.append(model_file(folder, one))
        with contextlib.suppress(FileNotFoundError):  # only what the Ollama registry gave has such a file
            shutil.copyfile(beside_file(source), beside_file(made[-1]))
    except OSError:
        for file in made:
            file.unlink(missing_ok=True)
        return False
    return True
