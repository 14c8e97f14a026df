"""Carries out what the user does with models, and follows what the backend says of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine, Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.events import DownloadChanged, ModelsChanged, Snapshot
from backend_embedded.contract.library import DownloadState, ImportRequest, ModelPatch, PullRequest
from backend_embedded.contract.models import ModelSource
from backend_embedded.contract.ollama import OllamaState
from ui.client.port import ClientError
from ui.models.ollama_pulls import PREFIX, OllamaPulls, is_server_pull
from ui.models.state import Failure, ModelsState

if TYPE_CHECKING:
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.events import Event
    from backend_embedded.contract.library import Download
    from backend_embedded.contract.models import Model
    from ui.models.port import Library, ModelsListener
    from ui.models.state import Kind, View


class ModelsPresenter:
    """Keeps the page's state true to the backend's library; knows no Qt.

    Args:
        backend: where the library is.
    """

    def __init__(self, backend: Library) -> None:
        self._backend = backend
        self._state = ModelsState()
        self._listeners: list[ModelsListener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone: set[str] = set()
        self._pulls = OllamaPulls(backend, self._put, self.spawn)

    @property
    def state(self) -> ModelsState:
        """What the page shows now."""
        return self._state

    def listen(self, listener: ModelsListener) -> None:
        """Tell this one of every change from now on."""
        self._listeners.append(listener)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do some of this object's work as a task that `close` ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End all work."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What is seen

    def show(self, view: View) -> None:
        """Show one of the two views."""
        self._change(view=view)
        if view == "get" and self._state.connected:
            self.spawn(self.find_server())
            if self._state.catalogue is None:
                self.spawn(self.read_catalogue())

    def search(self, wanted: str) -> None:
        """Narrow both lists to what these words find."""
        self._change(wanted=wanted)

    def narrow(self, kind: Kind) -> None:
        """Show models of one kind in the catalogue."""
        self._change(kind=kind)

    async def select(self, name: str) -> None:
        """Open the details of a model; an empty name closes them."""
        if name == self._state.selected:
            return
        self._change(selected=name, details=None, removing="", failure=None)
        await self.read_details()

    async def read_details(self) -> None:
        """Read the details of the selected model."""
        name = self._state.selected
        if not name:
            return
        try:
            details = await self._backend.model_details(name)
        except ClientError as error:
            if name == self._state.selected:
                title = self._title(name)
                self._change(failure=failure(f"The details of {title} could not be read", error.body))
        else:
            if name == self._state.selected:
                self._change(details=details)

    def dismiss_failure(self) -> None:
        """It has been read."""
        self._change(failure=None)

    # Models on this machine

    async def load(self, name: str) -> None:
        """Bring a model into memory."""
        await self._do(name, "Loading", "could not be loaded", self._backend.load_model(name))

    async def unload(self, name: str) -> None:
        """Free a model's memory."""
        await self._do(name, "Unloading", "could not be unloaded", self._backend.unload_model(name))

    async def pin(self, name: str, pinned: bool) -> None:
        """Keep a model in memory, or let it go when it was not used for a while."""
        words = ("Pinning", "could not be pinned") if pinned else ("Unpinning", "could not be unpinned")
        await self._do(name, *words, self._backend.patch_model(name, ModelPatch(pinned=pinned)))

    async def make_default(self, name: str) -> None:
        """Answer with this model when a chat names no other."""
        patch = self._backend.patch_model(name, ModelPatch(default=True))
        await self._do(name, "Making default", "could not be made the default", patch)

    def ask_remove(self, name: str) -> None:
        """Ask whether a model is to be removed."""
        self._change(removing=name)

    def keep(self) -> None:
        """It is not to be removed."""
        self._change(removing="")

    async def remove(self, name: str) -> None:
        """Remove a model from the disk."""
        self._change(removing="")
        model = self._state.find(name)
        at_server = model is not None and model.source is ModelSource.OLLAMA
        call = self._backend.remove_ollama_model if at_server else self._backend.remove_model
        done = await self._do(name, "Removing", "could not be removed", call(name))
        if done:
            left = tuple(model for model in self._state.models or () if model.name != name)
            entries = self._state.catalogue
            open_ = "" if self._state.selected == name else self._state.selected
            self._change(models=left, selected=open_, details=self._state.details if open_ else None)
            if entries is not None:
                await self.read_catalogue()

    async def _do(self, name: str, word: str, refused: str, work: Awaitable[object]) -> bool:
        self._change(busy={**self._state.busy, name: word}, failure=None)
        problem: Failure | None = None
        try:
            await work
        except ClientError as error:
            problem = failure(f"{self._title(name)} {refused}", error.body)
        finally:
            busy = {other: doing for other, doing in self._state.busy.items() if other != name}
            self._change(busy=busy)
        if problem is not None:
            self._change(failure=problem)
            return False
        await self._read_models()
        return True

    async def import_files(self, paths: Iterable[str]) -> None:
        """Take GGUF files of this machine into the library, one after another."""
        for path in paths:
            name = PurePath(path).name
            if not name.lower().endswith(".gguf"):
                line = "Only GGUF files can be imported: their names end in .gguf."
                self._change(failure=Failure(f"{name} was not imported", line), view="machine")
                continue
            self._change(importing=(*self._state.importing, name), failure=None, view="machine")
            try:
                begun = await self._backend.import_model(ImportRequest(path=path))
            except ClientError as error:
                self._change(failure=failure(f"{name} was not imported", error.body))
            else:
                self._begun(begun)
            finally:
                self._change(importing=tuple(one for one in self._state.importing if one != name))

    # Models elsewhere

    async def read_catalogue(self) -> None:
        """Read the models that the program knows of."""
        try:
            entries = await self._backend.catalogue()
        except ClientError as error:
            self._change(catalogue_failure=failure("The catalogue could not be read", error.body))
        else:
            self._change(catalogue=tuple(entries), catalogue_failure=None)

    async def look_up(self, reference: str) -> None:
        """Find out what there is under a reference of a registry."""
        reference = reference.strip()
        if not reference:
            self._change(reference="", remote=None, remote_failure=None, looking=False)
            return
        self._change(reference=reference, looking=True, remote=None, remote_failure=None)
        try:
            remote = await self._backend.remote(reference)
        except ClientError as error:
            if reference == self._state.reference:
                missing = error.code in (ErrorCode.NOT_FOUND, ErrorCode.MODEL_NOT_FOUND)
                what = "was not found" if missing else "could not be looked up"
                problem = failure(f"{reference} {what}", error.body)
                self._change(looking=False, remote_failure=problem)
        else:
            if reference == self._state.reference:
                self._change(looking=False, remote=remote)

    def forget_remote(self) -> None:
        """Close what was looked up."""
        self._change(reference="", looking=False, remote=None, remote_failure=None)

    async def download(self, reference: str) -> None:
        """Begin to fetch a model."""
        self._change(
            starting=self._state.starting | {reference}, download_failures=self._without_failure(reference)
        )
        try:
            begun = await self._backend.pull(PullRequest(reference=reference))
        except ClientError as error:
            self._fail(reference, f"The download of {reference} did not begin", error.body)
        else:
            self._change(asked={**self._state.asked, reference: begun.id})
            self._begun(begun)
        finally:
            self._change(starting=self._state.starting - {reference})

    async def find_server(self) -> None:
        """Ask whether an Ollama server can fetch models for itself."""
        try:
            status = await self._backend.ollama()
        except ClientError:
            return  # as in resync
        self._change(server_ready=status.state is OllamaState.READY)

    def pull_with_server(self, name: str) -> None:
        """Have the Ollama server fetch a model."""
        if name.strip():
            self._gone.discard(PREFIX + name.strip())
            self._pulls.begin(name.strip())

    async def pause(self, download_id: str) -> None:
        """Hold a download."""
        if is_server_pull(download_id):
            self._pulls.hold(download_id)
            return
        await self._steer(download_id, "could not be paused", self._backend.pause_download(download_id))

    async def resume(self, download_id: str) -> None:
        """Go on with a download that was held or that failed."""
        if is_server_pull(download_id):
            self._pulls.resume(download_id)
            return
        await self._steer(download_id, "could not be resumed", self._backend.resume_download(download_id))

    async def cancel(self, download_id: str) -> None:
        """Give a download up; what was fetched of it goes."""
        if is_server_pull(download_id):
            self._pulls.cancel(download_id)
            self._take_out(download_id)
            return
        work = self._backend.cancel_download(download_id)
        if await self._steer(download_id, "could not be cancelled", work):
            self._take_out(download_id)

    def dismiss(self, key: str) -> None:
        """Show an ended download, or the failure of one that did not begin, no longer."""
        self._change(dismissed=self._state.dismissed | {key}, download_failures=self._without_failure(key))
        if any(one.id == key and one.state is DownloadState.DONE for one in self._state.downloads):
            self.spawn(self._forget(key))

    async def _forget(self, download_id: str) -> None:
        """Take an ended download off the backend's list too."""
        if is_server_pull(download_id):
            self._pulls.cancel(download_id)
            self._take_out(download_id)
            return
        with contextlib.suppress(ClientError):  # it is not shown any more, and can be taken off later
            await self._backend.cancel_download(download_id)

    async def _steer(self, download_id: str, refused: str, work: Awaitable[object]) -> bool:
        self._change(download_failures=self._without_failure(download_id))
        try:
            await work
        except ClientError as error:
            found = next((one for one in self._state.downloads if one.id == download_id), None)
            name = found.name if found else "The download"
            self._fail(download_id, f"{name} {refused}", error.body)
            return False
        return True

    def _fail(self, key: str, title: str, body: ErrorBody) -> None:
        self._change(download_failures={**self._state.download_failures, key: failure(title, body)})

    def _without_failure(self, key: str) -> dict[str, Failure]:
        return {other: told for other, told in self._state.download_failures.items() if other != key}

    # What the backend says

    def event_arrived(self, event: Event) -> None:
        """Follow one event of the backend's stream; those that do not concern this page are passed over."""
        match event:
            case Snapshot():
                self._gone.clear()
                self._change(connected=True, downloads=self._with_server_pulls(event.downloads))
                self._models_are(event.models)
                if self._state.view == "get" and self._state.catalogue is None:
                    self.spawn(self.read_catalogue())
            case ModelsChanged():
                self._models_are(event.models)
            case DownloadChanged():
                self._download_changed(event)
            case _:
                pass

    def connection_changed(self, connected: bool) -> None:
        """The event stream was cut or is back."""
        if connected == self._state.connected:
            return
        self._change(connected=connected)
        if connected:
            self.spawn(self.resync())

    async def resync(self) -> None:
        """Read models and downloads; what cannot be read stays as it was."""
        await self._read_models()
        try:
            downloads = await self._backend.downloads()
        except ClientError:
            return  # the cut that caused it is told by connection_changed, and the next snapshot mends it
        self._change(downloads=self._with_server_pulls(downloads))
        if self._state.view == "get":
            await self.find_server()
            await self.read_catalogue()

    async def _read_models(self) -> None:
        try:
            models = await self._backend.models()
        except ClientError:
            return  # as in resync
        self._models_are(tuple(models))

    def _models_are(self, models: tuple[Model, ...]) -> None:
        known = self._state.find(self._state.selected)
        self._change(models=models)
        now = self._state.find(self._state.selected)
        if self._state.selected and now is None:
            self._change(selected="", details=None, removing="")
        elif now != known and now is not None and self._state.details is not None:
            self._change(details=self._state.details.model_copy(update={"model": now}))

    def _download_changed(self, event: DownloadChanged) -> None:
        if event.removed:
            self._take_out(event.download.id)
            return
        if event.download.id in self._gone and event.download.state is not DownloadState.QUEUED:
            return  # told before it was known that it was given up
        self._gone.discard(event.download.id)
        self._put(event.download)
        if event.download.state is DownloadState.DONE and self._state.catalogue is not None:
            self.spawn(self.read_catalogue())

    def _with_server_pulls(self, downloads: Iterable[Download]) -> tuple[Download, ...]:
        """The backend's downloads, and those of the Ollama server, which it keeps no list of."""
        return (*downloads, *(one for one in self._state.downloads if is_server_pull(one.id)))

    def _begun(self, download: Download) -> None:
        """Show a download unless an event told more of it already."""
        if download.id not in {one.id for one in self._state.downloads}:
            self._put(download)

    def _put(self, download: Download) -> None:
        known = [one.id for one in self._state.downloads]
        if download.id in known:
            downloads = tuple(download if one.id == download.id else one for one in self._state.downloads)
        else:
            downloads = (*self._state.downloads, download)
        self._change(downloads=downloads, dismissed=self._state.dismissed - {download.id})

    def _take_out(self, download_id: str) -> None:
        self._gone.add(download_id)
        self._change(downloads=tuple(one for one in self._state.downloads if one.id != download_id))

    # Inside

    def _title(self, name: str) -> str:
        model = self._state.find(name)
        return model.title or name if model else name

    def _change(self, **fields: Any) -> None:
        self._state = replace(self._state, **fields)
        for listener in self._listeners:
            listener.state_changed(self._state)


def failure(title: str, body: ErrorBody) -> Failure:
    """A refused call in words."""
    return Failure(title, " ".join(part for part in (body.message, body.remedy) if part))
