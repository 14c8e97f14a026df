from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import library_content as library
import pytest
from scripted_backend import ScriptedBackend

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import DownloadChanged, ModelsChanged
from backend_embedded.contract.library import DownloadState, Remote
from backend_embedded.contract.ollama import OllamaProgress, OllamaState, OllamaStatus
from ui.client.port import ClientError
from ui.models.presenter import ModelsPresenter
from ui.models.state import ModelsState

REFUSED = ErrorBody(code=ErrorCode.CONFLICT, message="It is in use.", remedy="Stop the answer first.")


class Watcher:
    def __init__(self) -> None:
        self.states: list[ModelsState] = []

    def state_changed(self, state: ModelsState) -> None:
        self.states.append(state)


class LibraryDesk:
    """A connected presenter on a scripted library."""

    def __init__(self) -> None:
        self.backend = ScriptedBackend()
        self.backend.known = library.MODELS
        self.backend.entries = library.CATALOGUE
        self.presenter = ModelsPresenter(self.backend)
        self.seen = Watcher()
        self.presenter.listen(self.seen)

    @property
    def state(self) -> ModelsState:
        return self.presenter.state

    def tell(self, download: object, *, removed: bool = False) -> None:
        self.presenter.event_arrived(DownloadChanged(download=download, removed=removed))

    def asked(self, call: str) -> list[object]:
        return [argument for name, argument in self.backend.asked if name == call]

    async def until(self, reached: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not reached():  # noqa: ASYNC110 - a plain value of another task
                await asyncio.sleep(0)


@pytest.fixture
async def desk() -> AsyncIterator[LibraryDesk]:
    made = LibraryDesk()
    made.presenter.event_arrived(made.backend.snapshot())
    yield made
    await made.presenter.close()


async def test_the_snapshot_fills_the_library(desk: LibraryDesk) -> None:
    assert desk.state.connected
    assert desk.state.models == library.MODELS


async def test_the_catalogue_is_read_when_it_is_wanted_first(desk: LibraryDesk) -> None:
    assert desk.asked("catalogue") == []
    desk.presenter.show("get")
    await desk.until(lambda: desk.state.catalogue == library.CATALOGUE)
    desk.presenter.show("machine")
    desk.presenter.show("get")
    assert len(desk.asked("catalogue")) == 1


async def test_a_catalogue_that_cannot_be_read_says_why(desk: LibraryDesk) -> None:
    desk.backend.refuse(REFUSED, "catalogue")
    desk.presenter.show("get")
    await desk.until(lambda: desk.state.catalogue_failure)
    assert desk.state.catalogue_failure is not None
    assert desk.state.catalogue_failure.line == "It is in use. Stop the answer first."
    desk.backend.accept()
    await desk.presenter.read_catalogue()
    assert desk.state.catalogue_failure is None


async def test_details_follow_the_selection_and_what_changes(desk: LibraryDesk) -> None:
    desk.backend.told = {library.TINY.name: library.DETAILS}
    await desk.presenter.select(library.TINY.name)
    assert desk.state.details == library.DETAILS
    unloaded = tuple(model.model_copy(update={"loaded": False}) for model in library.MODELS)
    desk.presenter.event_arrived(ModelsChanged(models=unloaded))
    assert desk.state.details is not None
    assert not desk.state.details.model.loaded
    desk.presenter.event_arrived(ModelsChanged(models=unloaded[1:]))
    assert (desk.state.selected, desk.state.details) == ("", None)


async def test_late_details_of_another_model_are_not_shown(desk: LibraryDesk) -> None:
    first = desk.presenter.spawn(desk.presenter.select(library.TINY.name))
    second = desk.presenter.spawn(desk.presenter.select(library.SMOL.name))
    await asyncio.gather(first, second)
    assert desk.state.details is not None
    assert desk.state.details.model.name == library.SMOL.name


async def test_loading_is_told_while_it_goes_on(desk: LibraryDesk) -> None:
    await desk.presenter.load(library.STORED.name)
    assert {library.STORED.name: "Loading"} in [dict(state.busy) for state in desk.seen.states]
    assert desk.state.busy == {}
    model = desk.state.find(library.STORED.name)
    assert model is not None
    assert model.loaded


async def test_a_refused_load_keeps_the_model_and_says_why(desk: LibraryDesk) -> None:
    desk.backend.refuse(library.NO_MEMORY, "load_model")
    await desk.presenter.load(library.SERVED.name)
    assert desk.state.failure is not None
    assert desk.state.failure.title == "gpt-oss 20B could not be loaded"
    assert "3.20 GiB are free" in desk.state.failure.line
    assert desk.state.busy == {}
    desk.presenter.dismiss_failure()
    assert desk.state.failure is None


async def test_there_is_one_default(desk: LibraryDesk) -> None:
    await desk.presenter.make_default(library.SMOL.name)
    assert [model.name for model in desk.state.models or () if model.default] == [library.SMOL.name]
    await desk.presenter.pin(library.SMOL.name, True)
    model = desk.state.find(library.SMOL.name)
    assert model is not None
    assert model.pinned


async def test_removing_asks_first_and_closes_the_details(desk: LibraryDesk) -> None:
    await desk.presenter.select(library.TINY.name)
    desk.presenter.ask_remove(library.TINY.name)
    assert desk.state.removing == library.TINY.name
    desk.presenter.keep()
    assert desk.asked("remove_model") == []
    desk.presenter.ask_remove(library.TINY.name)
    await desk.presenter.remove(library.TINY.name)
    assert desk.state.find(library.TINY.name) is None
    assert (desk.state.selected, desk.state.removing) == ("", "")


async def test_a_model_of_the_server_is_removed_by_the_server(desk: LibraryDesk) -> None:
    await desk.presenter.remove(library.SERVED.name)
    assert desk.asked("remove_ollama_model") == [library.SERVED.name]
    assert desk.asked("remove_model") == []
    assert desk.state.find(library.SERVED.name) is None


async def test_only_gguf_files_are_imported(desk: LibraryDesk) -> None:
    await desk.presenter.import_files(["/home/mira/notes.txt"])
    assert desk.asked("import_model") == []
    assert desk.state.failure is not None
    assert desk.state.failure.title == "notes.txt was not imported"
    await desk.presenter.import_files(["/home/mira/a.gguf", "/home/mira/B.GGUF"])
    assert [download.reference for download in desk.state.imports] == [
        "/home/mira/a.gguf",
        "/home/mira/B.GGUF",
    ]
    assert desk.state.importing == ()


async def test_a_refused_import_says_why(desk: LibraryDesk) -> None:
    desk.backend.refuse(library.NOT_GGUF, "import_model")
    await desk.presenter.import_files(["/home/mira/a.gguf"])
    assert desk.state.failure is not None
    assert "it is a web page (HTML)" in desk.state.failure.line


async def test_a_download_is_found_by_the_reference_that_was_asked_for(desk: LibraryDesk) -> None:
    await desk.presenter.download("qwen2.5:1.5b")
    found = desk.state.download_of("qwen2.5:1.5b")
    assert found is not None
    assert found.size_bytes == 986_000_000
    longer = found.model_copy(update={"reference": "qwen2.5:1.5b-instruct", "state": DownloadState.RUNNING})
    desk.tell(longer)
    assert desk.state.download_of("qwen2.5:1.5b") == longer


async def test_the_tag_that_is_meant_makes_no_other_reference(desk: LibraryDesk) -> None:
    desk.tell(library.download("tinyllama:latest", DownloadState.RUNNING, 1, 2))
    assert desk.state.download_of("tinyllama") is not None


async def test_a_download_is_paused_resumed_and_cancelled(desk: LibraryDesk) -> None:
    await desk.presenter.download("gemma2:2b")
    key = desk.state.downloads[0].id
    await desk.presenter.pause(key)
    await desk.presenter.resume(key)
    await desk.presenter.cancel(key)
    names = [name for name, argument in desk.backend.asked if argument == key]
    assert names == ["pause_download", "resume_download", "cancel_download"]
    assert desk.state.downloads == ()


async def test_news_of_a_cancelled_download_does_not_bring_it_back(desk: LibraryDesk) -> None:
    await desk.presenter.download("gemma2:2b")
    late = desk.state.downloads[0].model_copy(update={"state": DownloadState.RUNNING})
    await desk.presenter.cancel(late.id)
    desk.tell(late)
    assert desk.state.downloads == ()


async def test_a_refused_pause_is_told_at_its_download(desk: LibraryDesk) -> None:
    await desk.presenter.download("gemma2:2b")
    key = desk.state.downloads[0].id
    desk.backend.refuse(REFUSED, "pause_download")
    await desk.presenter.pause(key)
    assert desk.state.download_failures[key].title == "gemma2:2b could not be paused"
    desk.backend.accept()
    await desk.presenter.pause(key)
    assert desk.state.download_failures == {}


async def test_a_download_that_does_not_begin_says_why(desk: LibraryDesk) -> None:
    desk.backend.refuse(REFUSED, "pull")
    await desk.presenter.download("gemma2:2b")
    assert desk.state.downloads == ()
    assert desk.state.starting == frozenset()
    assert "gemma2:2b" in desk.state.download_failures
    desk.presenter.dismiss("gemma2:2b")
    assert desk.state.download_failures == {}


async def test_an_ended_download_is_read_into_the_catalogue_and_dismissed(desk: LibraryDesk) -> None:
    await desk.presenter.read_catalogue()
    await desk.presenter.download("gemma2:2b")
    done = desk.backend.move(desk.state.downloads[0].id, state=DownloadState.DONE)
    desk.tell(done)
    assert desk.state.on_disk("gemma2:2b")
    await desk.until(lambda: len(desk.asked("catalogue")) == 2)
    desk.presenter.dismiss(done.id)
    assert desk.state.shown_downloads == ()
    await desk.until(lambda: desk.asked("cancel_download") == [done.id])


def part(done: int, digest: str = "a", *, end: bool = False) -> OllamaProgress:
    return OllamaProgress(status="pulling", digest=digest, completed_bytes=done, total_bytes=100, done=end)


async def test_the_server_fetches_a_model_for_itself(desk: LibraryDesk) -> None:
    desk.backend.server = OllamaStatus(state=OllamaState.READY)
    desk.presenter.show("get")
    await desk.until(lambda: desk.state.server_ready)
    desk.presenter.pull_with_server(" gpt-oss:20b ")
    for event in (part(50), part(100, "b"), part(100, end=True)):
        desk.backend.progress.put_nowait(event)
    await desk.until(lambda: desk.state.downloads[0].state is DownloadState.DONE)
    download = desk.state.downloads[0]
    assert (download.reference, download.size_bytes, download.done_bytes) == ("gpt-oss:20b", 200, 200)
    await desk.presenter.resync()
    assert desk.state.downloads == (download,)
    desk.presenter.dismiss(download.id)
    await desk.until(lambda: desk.state.downloads == ())


async def test_hanging_up_holds_what_the_server_fetches(desk: LibraryDesk) -> None:
    desk.presenter.pull_with_server("gpt-oss")
    key = desk.state.downloads[0].id
    await desk.until(lambda: desk.asked("pull_ollama_model") == ["gpt-oss"])
    await desk.presenter.pause(key)
    assert desk.state.downloads[0].state is DownloadState.PAUSED
    await desk.presenter.resume(key)
    desk.backend.progress.put_nowait(ClientError(REFUSED))
    await desk.until(lambda: desk.state.downloads[0].state is DownloadState.FAILED)
    assert desk.state.downloads[0].message == "It is in use."
    assert desk.state.downloads[0].remedy == "Stop the answer first."
    await desk.presenter.resume(key)
    assert desk.state.downloads[0].state is DownloadState.RUNNING
    await desk.presenter.cancel(key)
    assert desk.state.downloads == ()


async def test_the_last_reference_that_was_looked_up_counts(desk: LibraryDesk) -> None:
    gate = asyncio.Event()

    async def slow_first(reference: str) -> Remote:
        if reference == "first":
            await gate.wait()
        return library.REMOTE.model_copy(update={"reference": reference})

    desk.backend.remote = slow_first  # type: ignore[method-assign]
    first = desk.presenter.spawn(desk.presenter.look_up("first"))
    await desk.until(lambda: desk.state.looking)
    await desk.presenter.look_up(" second ")
    gate.set()
    await first
    assert desk.state.remote is not None
    assert desk.state.remote.reference == "second"
    assert not desk.state.looking


async def test_what_is_not_found_says_why_and_keeps_the_catalogue(desk: LibraryDesk) -> None:
    await desk.presenter.read_catalogue()
    desk.backend.refuse(library.OFFLINE, "remote")
    await desk.presenter.look_up("hf.co/a/b")
    assert desk.state.remote_failure is not None
    assert desk.state.remote_failure.title == "hf.co/a/b could not be looked up"
    assert desk.state.catalogue == library.CATALOGUE
    await desk.presenter.look_up("")
    assert desk.state.remote_failure is None


async def test_a_new_connection_reads_models_and_downloads(desk: LibraryDesk) -> None:
    desk.presenter.connection_changed(False)
    assert desk.state.locked_because
    desk.backend.put(library.DOWNLOADS)
    desk.backend.known = library.MODELS[:1]
    desk.presenter.connection_changed(True)
    await desk.until(lambda: desk.state.downloads == library.DOWNLOADS)
    assert desk.state.models == library.MODELS[:1]
    assert len(desk.state.active) == 2


async def test_a_call_that_cannot_be_made_raises_nothing(desk: LibraryDesk) -> None:
    desk.backend.refuse()
    await desk.presenter.resync()
    with pytest.raises(ClientError):
        await desk.backend.models()
    assert desk.state.models == library.MODELS
