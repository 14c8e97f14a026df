"""The routes of the model library over a real socket, with a real folder and a registry that is near."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from served_backend import AUTHORIZED, ScriptedModel, opened, served, until
from unruly_server import UnrulyServer, model_bytes, unruly

from backend_embedded.contract.library import (
    DownloadState,
    ImportRequest,
    ModelPatch,
    PullRequest,
)
from backend_embedded.contract.models import Model, ModelSource
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.ollama_store import find_store, store_models
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.service import Library
from backend_embedded.library.transport import Transport
from backend_embedded.llm.files.library import ModelLibrary
from ui.client.backend import BackendClient
from ui.client.port import ClientError

DATA = model_bytes()


class FolderModel(ScriptedModel):
    """Lists what is really in the folder and in an Ollama store."""

    library: ModelLibrary
    folder: Path

    async def models(self) -> tuple[Model, ...]:
        return tuple(entry.model for entry in self.library.scan(self.folder))

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        self.loaded = True


@pytest.fixture
def registry() -> Iterator[UnrulyServer]:
    with unruly() as server:
        server.ollama_model("small", DATA)
        yield server


def make_store(folder: Path) -> Path:
    """An Ollama store with one model."""
    manifest = folder / "manifests" / "registry.ollama.ai" / "library" / "stored" / "1b"
    manifest.parent.mkdir(parents=True)
    digest = "ab" * 32
    kind = "application/vnd.ollama.image.model"
    manifest.write_text(
        json.dumps({"layers": [{"mediaType": kind, "digest": f"sha256:{digest}", "size": 1}]})
    )
    (manifest.parent / "broken").write_text("{")
    (folder / "blobs").mkdir()
    (folder / "blobs" / f"sha256-{digest}").write_bytes(DATA)
    return folder


@asynccontextmanager
async def a_library(
    tmp_path: Path, registry: UnrulyServer
) -> AsyncIterator[tuple[BackendClient, httpx.AsyncClient]]:
    folder = tmp_path / "models"
    folder.mkdir()
    store = make_store(tmp_path / "ollama")
    model = FolderModel()
    model.folder = folder
    model.library = ModelLibrary(tmp_path / "cache", None, lambda: store_models(store))

    async def changed() -> None:
        pass

    resolver = Resolver(Transport, registry.url, registry.url, pause_s=lambda failures: 0.01)
    async with (
        opened(tmp_path, model) as plain,
        Downloads(lambda: folder, resolver, Transport, plain.events.publish, changed) as downloads,
        Library(
            downloads=downloads,
            resolver=resolver,
            models=model,
            settings=plain.settings,
            folder=lambda: folder,
            changed=changed,
        ) as library,
    ):
        services = dataclasses.replace(plain, library=library)
        async with served(services) as http:
            client = BackendClient(str(http.base_url), AUTHORIZED["Authorization"].split()[1])
            try:
                yield client, http
            finally:
                await client.aclose()


async def ended(client: BackendClient, download_id: str) -> DownloadState:
    while True:
        for download in await client.downloads():
            if download.id == download_id and download.state in (DownloadState.DONE, DownloadState.FAILED):
                return download.state


async def test_the_catalogue_begins_with_tinyllama(tmp_path: Path, registry: UnrulyServer) -> None:
    async with a_library(tmp_path, registry) as (client, _):
        entries = await client.catalogue()
        assert (entries[0].reference, entries[0].size_bytes) == ("tinyllama", 637_699_456)
        assert len(entries) >= 12
        assert all(entry.license and entry.size_bytes and entry.memory_bytes for entry in entries)
        vectors = [entry.reference for entry in entries if entry.embeds]
        assert vectors == ["all-minilm", "nomic-embed-text", "mxbai-embed-large"]
        assert not any(entry.installed for entry in entries)


async def test_a_model_is_looked_at_fetched_shown_and_removed(tmp_path: Path, registry: UnrulyServer) -> None:
    async with a_library(tmp_path, registry) as (client, http):
        remote = await client.remote("small")
        assert [file.size_bytes for file in remote.files] == [len(DATA)]
        begun = await client.pull(PullRequest(reference="small", name="mine"))
        assert await ended(client, begun.id) is DownloadState.DONE
        details = await client.model_details("mine")
        assert (details.model.source, details.frees_bytes) == (ModelSource.FOLDER, len(DATA))
        assert details.model.tools
        assert "tools" in details.template
        assert details.metadata["general.architecture"] == "llama"
        await client.copy_model("mine", "second")
        assert (await client.model_details("second")).frees_bytes == 0  # the blocks are shared
        assert await client.remove_model("second") == 0
        assert await client.remove_model("mine") == len(DATA)
        with pytest.raises(ClientError) as caught:
            await client.model_details("mine")
        assert caught.value.code == "MODEL_NOT_FOUND"
        await client.cancel_download(begun.id)
        assert await client.downloads() == []
        snapshot = (await http.get("/api/v1/downloads")).json()
        assert snapshot["data"] == []


async def test_the_door_shows_what_ollama_keeps_beside_a_model(
    tmp_path: Path, registry: UnrulyServer
) -> None:
    params = json.dumps({"stop": ["<|a|>", "<|b|>"], "temperature": 0.5})
    registry.ollama_model("worded", DATA, "{{ .System }}{{ .Prompt }}", params=params, system="Be short.")
    async with a_library(tmp_path, registry) as (client, http):
        begun = await client.pull(PullRequest(reference="worded"))
        assert await ended(client, begun.id) is DownloadState.DONE
        (name,) = [model.name for model in await client.models() if model.source is ModelSource.FOLDER]
        key = (await http.get("/api/v1/local-api")).json()["data"]["key"]
        headers = {"Authorization": f"Bearer {key}"}
        await client.copy_model(name, "second")
        for asked in (name, "second"):
            shown = (await http.post("/api/show", json={"model": asked}, headers=headers)).json()
            assert shown["template"] == "{{ .System }}{{ .Prompt }}"
            assert shown["system"] == "Be short."
            assert [line.split() for line in shown["parameters"].splitlines()] == [
                ["stop", '"<|a|>"'],
                ["stop", '"<|b|>"'],
                ["temperature", "0.5"],
            ]
            assert shown["modelfile"].splitlines()[1:] == [
                'TEMPLATE """{{ .System }}{{ .Prompt }}"""',
                'SYSTEM """Be short."""',
                'PARAMETER stop "<|a|>"',
                'PARAMETER stop "<|b|>"',
                "PARAMETER temperature 0.5",
            ]
        assert "tools" in (await client.model_details(name)).template  # the file's own, which the engine uses


async def test_a_model_of_an_ollama_store_is_used_in_place_and_not_removed(
    tmp_path: Path, registry: UnrulyServer
) -> None:
    async with a_library(tmp_path, registry) as (client, http):
        details = await client.model_details("stored:1b")
        assert details.model.source is ModelSource.OLLAMA_STORE
        assert not details.removable
        assert "ollama rm stored:1b" in details.why_not_removable
        with pytest.raises(ClientError) as caught:
            await client.remove_model("stored:1b")
        assert caught.value.code == "CONFLICT"
        for name in (quote("stored:1b", safe=""), "stored:1b"):
            assert (await http.get(f"/api/v1/models/{name}")).status_code == 200
        assert (await http.get(f"/api/v1/models/{quote('no/such:1', safe='')}")).status_code == 404


async def test_a_model_is_pinned_and_made_the_default(tmp_path: Path, registry: UnrulyServer) -> None:
    async with a_library(tmp_path, registry) as (client, _):
        await client.patch_model("stored:1b", ModelPatch(pinned=True, default=True))
        settings = await client.settings()
        assert (settings.pinned_models, settings.default_model) == (("stored:1b",), "stored:1b")
        await client.patch_model("stored:1b", ModelPatch(pinned=False, default=False))
        settings = await client.settings()
        assert (settings.pinned_models, settings.default_model) == ((), "")


async def test_a_download_is_paused_gone_on_with_and_told(tmp_path: Path, registry: UnrulyServer) -> None:

    registry.manners.hold = hold = threading.Event()
    async with a_library(tmp_path, registry) as (client, _):
        begun = await client.pull(PullRequest(reference="small"))
        await until("half has come", registry.halfway.is_set)
        paused = await client.pause_download(begun.id)
        assert paused.state is DownloadState.PAUSED
        hold.set()
        await client.resume_download(begun.id)
        assert await ended(client, begun.id) is DownloadState.DONE


async def test_an_import_that_cannot_be_is_refused_at_once(tmp_path: Path, registry: UnrulyServer) -> None:
    async with a_library(tmp_path, registry) as (client, _):
        (tmp_path / "cut.gguf").write_bytes(DATA[:-9])
        for path, code in [
            ("/no/such.gguf", "INVALID_INPUT"),
            (str(tmp_path / "cut.gguf"), "MODEL_FILE_INVALID"),
        ]:
            with pytest.raises(ClientError) as caught:
                await client.import_model(ImportRequest(path=path))
            assert caught.value.code == code
            assert caught.value.body.remedy
        (tmp_path / "whole.gguf").write_bytes(DATA)
        begun = await client.import_model(ImportRequest(path=str(tmp_path / "whole.gguf")))
        assert await ended(client, begun.id) is DownloadState.DONE
        assert (tmp_path / "models" / "whole.gguf").read_bytes() == DATA


def test_the_store_is_found_where_it_is_set_or_usual(tmp_path: Path) -> None:
    store = make_store(tmp_path / ".ollama" / "models")
    assert find_store("", {"HOME": str(tmp_path)}) == store
    assert find_store("", {"OLLAMA_MODELS": str(store)}) == store
    assert find_store(str(store), {}) == store
    assert find_store(str(tmp_path / "none"), {"HOME": str(tmp_path)}) is None
    assert [found.name for found in store_models(store)] == ["stored:1b"]
