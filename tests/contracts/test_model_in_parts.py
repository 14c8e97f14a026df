"""A real model in several files: fetched as one, loaded, copied and removed as one."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from gguf_parts import in_parts
from served_backend import until
from unruly_server import UnrulyServer, unruly

from backend_embedded.contract.generation import ChatTurn, Role, SamplingOptions, TextDelta
from backend_embedded.contract.library import Download, DownloadState
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.errors import DownloadFailed, ModelUnsupported, NotFound
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.fetcher import Limits
from backend_embedded.library.importing import check_import
from backend_embedded.library.record import FOLDER
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.transport import Transport
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.memory import OVERHEAD_BYTES, needed_bytes
from backend_embedded.llm.port import Prompt

BASE = "tiny-Q4_1"
PARTS = 3
NAMES = [f"{BASE}-{number:05d}-of-{PARTS:05d}" for number in range(1, PARTS + 1)]
ENDED = {DownloadState.DONE, DownloadState.FAILED, DownloadState.PAUSED}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    starter = find_starter()
    assert starter is not None
    return in_parts(starter, tmp_path_factory.mktemp("parts"), BASE, PARTS)


@pytest.fixture
def server(parts: list[Path]) -> Iterator[UnrulyServer]:
    with unruly() as server:
        rows: list[dict[str, object]] = [{"type": "file", "path": "README.md", "size": 10}]
        for file in parts:
            data, path = file.read_bytes(), f"Q4_1/{file.name}"
            digest = hashlib.sha256(data).hexdigest()
            rows.append({"type": "file", "path": path, "lfs": {"oid": digest, "size": len(data)}})
            server.files[f"/owner/name/resolve/main/{path}"] = data
        rows.append({"type": "file", "path": "tiny-Q8_0-00001-of-00002.gguf", "size": 5})
        server.json_answers["/api/models/owner/name"] = {}
        server.json_answers["/api/models/owner/name/tree/main"] = rows
        yield server


@asynccontextmanager
async def shelf(server: UnrulyServer, folder: Path) -> AsyncIterator[Downloads]:
    async def arrived() -> None:
        pass

    resolver = Resolver(Transport, server.url, server.url, pause_s=lambda failures: 0.01)
    limits = Limits(parts=2, pause_s=0.01, save_s=0.01)
    async with Downloads(lambda: folder, resolver, Transport, lambda _: None, arrived, limits) as downloads:
        yield downloads


async def ended(downloads: Downloads, download_id: str) -> Download:
    def now() -> Download:
        return next(one for one in downloads.list() if one.id == download_id)

    await until("the download has ended", lambda: now().state in ENDED, timeout_s=30)
    return now()


def files_in(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.gguf"))


@pytest.mark.parametrize(
    "reference", ["hf.co/owner/name", "hf.co/owner/name:Q4_1", f"hf.co/owner/name/Q4_1/{NAMES[1]}.gguf"]
)
async def test_all_parts_come_as_one_model_that_answers(
    server: UnrulyServer, parts: list[Path], tmp_path: Path, reference: str
) -> None:
    folder = tmp_path / "models"
    async with shelf(server, folder) as downloads:
        done = await ended(downloads, (await downloads.pull(reference)).id)
        assert (done.state, done.message) == (DownloadState.DONE, "")
        size = sum(file.stat().st_size for file in parts)
        assert (done.name, done.size_bytes, done.done_bytes) == (NAMES[0], size, size)
        assert files_in(folder) == NAMES
        for file in parts:
            assert (folder / file.name).read_bytes() == file.read_bytes()
        assert list((folder / FOLDER).iterdir()) == []
        await downloads.cancel(done.id)  # off the list; the model stays
        assert files_in(folder) == NAMES
    if reference == "hf.co/owner/name":
        await answers(folder, tmp_path / "cache", size)


async def answers(folder: Path, cache: Path, size: int) -> None:
    """The model is one model, and writes what the whole file writes."""
    settings = BackendSettings(context_size=512, threads=2)
    async with LlamaCppLanguageModel(
        library=ModelLibrary(cache, find_starter()),
        models_folder=folder,
        settings=lambda: settings,
        publish=lambda _: None,
    ) as model:
        whole, cut = await model.models()
        assert (cut.name, cut.size_bytes, cut.problem) == (NAMES[0], size, None)
        assert cut.parameters == whole.parameters > 0
        assert await text_of(model, cut.name) == await text_of(model, whole.name) != ""


async def text_of(model: LlamaCppLanguageModel, name: str) -> str:
    turns = (ChatTurn(role=Role.USER, content="What is a container?"),)
    options = SamplingOptions(temperature=0, max_tokens=12)
    asked = Prompt(turns=turns, options=options, model=name)
    async with aclosing(model.generate(asked)) as steps:
        return "".join([step.text async for step in steps if isinstance(step, TextDelta)])


async def test_parts_go_on_after_a_pause_and_after_the_program_ended(
    server: UnrulyServer, tmp_path: Path
) -> None:
    server.manners.hold = threading.Event()
    async with shelf(server, tmp_path) as downloads:
        begun = await downloads.pull("hf.co/owner/name", "mine")
        await until("half of a part has come", server.halfway.is_set, timeout_s=20)
        assert (await downloads.pause(begun.id)).state is DownloadState.PAUSED
        server.halfway.clear()
        await downloads.resume(begun.id)
        await until("half of a part has come again", server.halfway.is_set, timeout_s=20)
        assert ModelLibrary(tmp_path / "cache", None).scan(tmp_path) == ()
    server.manners.hold.set()
    asked = len(server.requests)
    async with shelf(server, tmp_path) as downloads:
        done = await ended(downloads, begun.id)
        assert (done.state, done.name) == (DownloadState.DONE, "mine-00001-of-00003")
        assert files_in(tmp_path) == [f"mine-{number:05d}-of-00003" for number in (1, 2, 3)]
        assert any(not one.headers["range"].startswith("bytes=0-") for one in server.requests[asked:])


async def test_a_cancelled_model_leaves_none_of_its_parts(server: UnrulyServer, tmp_path: Path) -> None:
    # The first part is fetched last, and does not come to its end: it is never too late to cancel.
    server.manners.hold, server.manners.holds_only = threading.Event(), f"{NAMES[0]}.gguf"
    async with shelf(server, tmp_path) as downloads:
        begun = await downloads.pull("hf.co/owner/name")
        await until("a part is in its place", lambda: bool(files_in(tmp_path)), timeout_s=20)
        assert (await downloads.pause(begun.id)).state is DownloadState.PAUSED
        await downloads.cancel(begun.id)
        assert files_in(tmp_path) == []
        assert list((tmp_path / FOLDER).iterdir()) == []


async def test_a_bad_part_is_found_and_only_that_one_fetched_again(
    server: UnrulyServer, tmp_path: Path
) -> None:
    path = f"/owner/name/resolve/main/Q4_1/{NAMES[2]}.gguf"
    good = server.files[path]
    server.files[path] = good[:-1] + bytes([good[-1] ^ 1])
    async with shelf(server, tmp_path) as downloads:
        failed = await ended(downloads, (await downloads.pull("hf.co/owner/name")).id)
        assert failed.state is DownloadState.FAILED
        assert "damaged on its way" in failed.message
        assert files_in(tmp_path) == [NAMES[1]]
        server.files[path] = good
        asked = len(server.requests)
        await downloads.resume(failed.id)
        assert (await ended(downloads, failed.id)).state is DownloadState.DONE
        again = {one.path.rsplit("/", 1)[-1] for one in server.requests[asked:]}
        assert again == {f"{NAMES[2]}.gguf", f"{NAMES[0]}.gguf"}


async def test_parts_of_any_server_are_found_by_their_names(
    server: UnrulyServer, tmp_path: Path, parts: list[Path]
) -> None:
    for file in parts:
        server.files[f"/x%20y/{file.name}"] = file.read_bytes()
    async with shelf(server, tmp_path) as downloads:
        url = f"{server.url}/x%20y/{NAMES[2]}.gguf"
        assert (await ended(downloads, (await downloads.pull(url)).id)).state is DownloadState.DONE
        assert files_in(tmp_path) == NAMES
        del server.files[f"/x%20y/{NAMES[1]}.gguf"]
        with pytest.raises(NotFound):
            await downloads.pull(url, "again")


@pytest.mark.leaves("threads")
async def test_what_is_not_whole_is_told(server: UnrulyServer, tmp_path: Path, parts: list[Path]) -> None:
    resolver = Resolver(Transport, server.url, server.url, pause_s=lambda failures: 0.01)
    with pytest.raises((NotFound, DownloadFailed), match="not all there"):
        await asyncio.to_thread(resolver.offer, "hf.co/owner/name/tiny-Q8_0-00001-of-00002.gguf")
    for file in parts[:2]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (entry,) = ModelLibrary(tmp_path / "cache", None).scan(tmp_path)
    assert f"{NAMES[2]}.gguf is missing" in (entry.model.problem or "")
    with pytest.raises(ModelUnsupported, match="one of 3 parts") as caught:
        check_import(parts[0])
    assert "models folder" in (caught.value.remedy or "")


def test_its_memory_is_that_of_all_parts(parts: list[Path], tmp_path: Path) -> None:
    (entry,) = ModelLibrary(tmp_path, None).scan(parts[0].parent)
    assert entry.header is not None
    assert needed_bytes(entry.header, 1) >= sum(file.stat().st_size for file in parts) + OVERHEAD_BYTES
