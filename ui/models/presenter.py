"""Carries out what the user does with models, and follows what the backend says of them."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING

from backend_embedded.contract.events import DownloadChanged, ModelsChanged, Snapshot
from backend_embedded.contract.library import ImportRequest, ModelPatch
from backend_embedded.contract.models import ModelSource
from ui.client.port import ClientError
from ui.models.failures import failure
from ui.models.fetching import Fetching
from ui.models.state import Failure

if TYPE_CHECKING:
    from backend_embedded.contract.events import Event
    from backend_embedded.contract.models import Model
    from ui.models.state import View


class ModelsPresenter(Fetching):
    """Keeps the page's state true to the backend's library; knows no Qt.

    Args:
        backend: where the library is.
    """

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

    # Inside

    def _title(self, name: str) -> str:
        model = self._state.find(name)
        return model.title or name if model else name
