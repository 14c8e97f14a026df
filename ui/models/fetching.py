"""The catalogue, look-ups and downloads: the part of the models page that is about models elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.library import DownloadState, PullRequest
from backend_embedded.contract.ollama import OllamaState
from ui.client.port import ClientError
from ui.models.failures import failure
from ui.models.ollama_pulls import PREFIX, OllamaPulls, is_server_pull
from ui.models.state import Failure, ModelsState
from ui.watched_state import WatchedState

if TYPE_CHECKING:
    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.events import DownloadChanged
    from backend_embedded.contract.library import Download
    from ui.models.port import Library
    from ui.models.state import Kind


class Fetching(WatchedState[ModelsState]):
    """Brings models here.

    Args:
        backend: where the library is.
    """

    def __init__(self, backend: Library) -> None:
        super().__init__(ModelsState())
        self._backend = backend
        self._gone: set[str] = set()
        self._reading = 0
        """Another number for each reading of the catalogue; what comes of an older one is dropped."""
        self._pulls = OllamaPulls(backend, self._put, self.spawn)

    def narrow(self, kind: Kind) -> None:
        """Show models of one kind in the catalogue."""
        self._change(kind=kind)

    async def read_catalogue(self) -> None:
        """Read the models that the program knows of."""
        self._reading += 1
        reading = self._reading
        if self._state.catalogue is None:
            self._change(catalogue_failure=None)
        try:
            entries = await self._backend.catalogue()
        except ClientError as error:
            if reading == self._reading:
                self._change(catalogue_failure=failure("The catalogue could not be read", error.body))
        else:
            if reading == self._reading:
                self._change(catalogue=tuple(entries), catalogue_failure=None)

    def give_up_catalogue(self) -> None:
        """Wait no longer for the catalogue; what comes of it late is dropped."""
        self._reading += 1
        self._change(
            catalogue_failure=Failure("Reading the catalogue was cancelled", "It can be tried again.")
        )

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
