"""Every state of the models page that is worth a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import library_content as library
from scene import Scene
from window_stage import Stage, button, shows

from app.main_window import MODELS
from backend_embedded.contract.events import DownloadChanged, ModelsChanged, Notice
from backend_embedded.contract.library import DownloadState
from backend_embedded.contract.ollama import OllamaState, OllamaStatus
from ui.models.page import ModelsPage

LACKING = Notice(
    id="model-lacking:gpt-oss",
    title="Ollama has no model named gpt-oss",
    message="The settings name gpt-oss as the model to use, but it is not there. TinyLlama is used instead.",
    actions=("use_model:tinyllama", "pull:gpt-oss", "open_settings"),
)


def open_page(stage: Stage, *, models: Sequence[library.Model] = library.MODELS) -> ModelsPage:
    """The page with these models and the catalogue."""
    stage.backend.known = tuple(models)
    stage.backend.entries = library.CATALOGUE
    stage.backend.told = {library.TINY.name: library.DETAILS}
    stage.tell(ModelsChanged(models=tuple(models)))
    stage.shell.show_page(MODELS)
    return stage.models_page


async def machine(stage: Stage) -> None:
    page = open_page(stage)
    await stage.until("the models", lambda: page.machine.table.rows.rowCount() == len(library.MODELS))


async def details(stage: Stage) -> None:
    page = open_page(stage)
    page.machine.open(library.TINY.name)
    await stage.until("the template", lambda: shows(page.machine.panel, "Chat template"))


async def details_open(stage: Stage) -> None:
    await details(stage)
    panel = stage.models_page.machine.panel
    panel.template.head.click()
    panel.metadata.head.click()
    await stage.until(
        "the texts", lambda: panel.template.text.isVisible() and panel.metadata.text.isVisible()
    )


async def details_broken(stage: Stage) -> None:
    page = open_page(stage)
    page.machine.open(library.content.BROKEN.name)
    await stage.until("what is wrong", lambda: shows(page.machine.panel, "The file ends early"))


async def removing(stage: Stage) -> None:
    await details(stage)
    stage.models.ask_remove(library.TINY.name)
    await stage.until("the question", lambda: shows(stage.models_page.machine.panel, "This frees 638 MB"))


async def loading_model(stage: Stage) -> None:
    page = open_page(stage)
    page.machine.open(library.STORED.name)
    gate = asyncio.Event()

    async def never(name: str) -> None:
        await gate.wait()

    stage.backend.load_model = never  # type: ignore[method-assign]
    page.machine.toggle(library.STORED.name)
    await stage.until("that it is loaded", lambda: shows(page.machine.panel, "Loading"))


async def not_loaded(stage: Stage) -> None:
    page = open_page(stage)
    stage.backend.refuse(library.NO_MEMORY, "load_model")
    await stage.models.select(library.SERVED.name)
    await stage.models.load(library.SERVED.name)
    await stage.until("why not", lambda: shows(page, "3.20 GiB are free"))


async def import_refused(stage: Stage) -> None:
    page = open_page(stage)
    stage.backend.refuse(library.NOT_GGUF, "import_model")
    page.import_files(["/home/mira/Downloads/mistral-7b.gguf"])
    await stage.until("why not", lambda: shows(page, "it is a web page (HTML)"))


async def importing(stage: Stage) -> None:
    page = open_page(stage)
    page.import_files(["/home/mira/Downloads/mistral-7b.gguf"])
    await stage.until("the import", lambda: stage.models.state.imports)
    fields = {"state": DownloadState.RUNNING, "size_bytes": 4_110_000_000, "done_bytes": 1_230_000_000}
    moved = stage.backend.move("download-1", **fields, bytes_per_s=410e6, remaining_s=7.0)
    stage.tell(DownloadChanged(download=moved))
    await stage.until("how far it is", lambda: shows(page.machine.imports, "410 MB/s, 7 s left"))


async def drop(stage: Stage) -> None:
    page = open_page(stage)
    page.mark_drop()
    await stage.until("the mark", page.drop_mark.isVisible)


async def no_models(stage: Stage) -> None:
    page = open_page(stage, models=())
    await stage.until("that there are none", lambda: shows(page, "No models yet"))


async def none_found(stage: Stage) -> None:
    page = open_page(stage)
    page.search.setText("zephyr")
    await stage.until("that none matches", lambda: shows(page.machine, "No model matches “zephyr”"))


async def catalogue(stage: Stage) -> None:
    page = open_page(stage)
    page.show_get()
    await stage.until("the catalogue", lambda: shows(page.get.catalogue, "Gemma 2 2B"))


async def downloads(stage: Stage) -> None:
    await catalogue(stage)
    stage.backend.put(library.DOWNLOADS)
    for one in library.DOWNLOADS:
        stage.tell(DownloadChanged(download=one))
    await stage.until("the speed", lambda: shows(stage.models_page.get.downloads, "21.4 MB/s, 17 s left"))


async def found(stage: Stage) -> None:
    await catalogue(stage)
    stage.backend.remotes = {library.REPOSITORY: library.REMOTE}
    stage.models_page.look_up(library.REPOSITORY)
    await stage.until("what was found", lambda: button(stage.models_page.get.lookup.found, "Download"))


async def with_server(stage: Stage) -> None:
    stage.backend.server = OllamaStatus(state=OllamaState.READY, version="0.9.6")
    await catalogue(stage)
    lookup = stage.models_page.get.lookup
    lookup.field.edit.setText("gpt-oss:20b")
    await stage.until("the server's button", lambda: button(lookup, "Get with Ollama"))
    lookup.with_server.click()
    await stage.until("its card", lambda: shows(stage.models_page.get.downloads, "Connecting"))


async def offline(stage: Stage) -> None:
    await catalogue(stage)
    stage.backend.refuse(library.OFFLINE, "remote")
    stage.models_page.look_up(library.REPOSITORY)
    await stage.until("why not", lambda: shows(stage.models_page, "could not be reached"))


async def lost(stage: Stage) -> None:
    await downloads(stage)
    stage.connection_is(False)
    await stage.until("that nothing can be done", lambda: not stage.models_page.import_button.isEnabled())


async def notice(stage: Stage) -> None:
    await machine(stage)
    stage.tell(LACKING)
    await stage.until("the notice", lambda: len(stage.shell.notifications.toasts()) == 1)


MODEL_SCENES: Sequence[Scene] = (
    Scene("models", machine),
    Scene("models-details", details),
    Scene("models-details-open", details_open),
    Scene("models-broken", details_broken),
    Scene("models-removing", removing),
    Scene("models-loading", loading_model),
    Scene("models-not-loaded", not_loaded),
    Scene("models-import-refused", import_refused),
    Scene("models-importing", importing),
    Scene("models-drop", drop),
    Scene("models-none", no_models),
    Scene("models-none-found", none_found),
    Scene("models-get", catalogue),
    Scene("models-downloads", downloads),
    Scene("models-found", found),
    Scene("models-ollama", with_server),
    Scene("models-offline", offline),
    Scene("models-lost", lost),
    Scene("notice", notice),
)
