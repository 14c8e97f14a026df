"""Downloads against a server that does what bad servers do."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import textwrap
import threading
from collections import namedtuple
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from served_backend import until
from unruly_server import UnrulyServer, model_bytes, unruly

from backend_embedded.contract.events import DownloadChanged, Event
from backend_embedded.contract.library import Download, DownloadState
from backend_embedded.errors import (
    Conflict,
    ControlCenterError,
    DownloadFailed,
    InvalidInput,
    ModelFileInvalid,
    NotFound,
)
from backend_embedded.library import arrival
from backend_embedded.library.access import Access
from backend_embedded.library.downloads import Downloads
from backend_embedded.library.fetcher import Limits
from backend_embedded.library.record import FOLDER
from backend_embedded.library.resolver import Resolver
from backend_embedded.library.transport import Transport

DATA = model_bytes()
QUICK = Limits(parts=3, segment_bytes=40_000, buffer_bytes=8192, tries=4, pause_s=0.01, save_s=0.01)
ENDED = {DownloadState.DONE, DownloadState.FAILED, DownloadState.PAUSED}


@dataclass
class Shelf:
    """Downloads into a folder from one server."""

    downloads: Downloads
    folder: Path
    events: list[Event] = field(default_factory=list)
    arrived: list[None] = field(default_factory=list)

    async def ended(self, download_id: str) -> Download:
        await until("the download has ended", lambda: self.now(download_id).state in ENDED, timeout_s=20)
        return self.now(download_id)

    def now(self, download_id: str) -> Download:
        return next(one for one in self.downloads.list() if one.id == download_id)

    async def fetched(self, reference: str) -> Download:
        return await self.ended((await self.downloads.pull(reference)).id)

    @property
    def leavings(self) -> list[str]:
        """What is left of downloads on the disk."""
        return sorted(file.suffix for file in (self.folder / FOLDER).glob("*"))


@asynccontextmanager
async def shelf(
    server: UnrulyServer, folder: Path, limits: Limits = QUICK, stall_s: float = 5.0
) -> AsyncIterator[Shelf]:
    def transport() -> Transport:
        return Transport(stall_s=stall_s)

    async def arrived() -> None:
        shelf.arrived.append(None)

    events: list[Event] = []
    resolver = Resolver(transport, server.url, server.url, pause_s=lambda failures: 0.01)
    async with Downloads(lambda: folder, resolver, transport, events.append, arrived, limits) as downloads:
        shelf = Shelf(downloads, folder, events)
        yield shelf


@pytest.fixture
def server() -> Iterator[UnrulyServer]:
    with unruly() as server:
        server.ollama_model("small", DATA)
        server.files["/files/small.gguf"] = DATA
        yield server


async def test_a_model_comes_whole_in_several_parts(server: UnrulyServer, tmp_path: Path) -> None:
    async with shelf(server, tmp_path) as there:
        done = await there.fetched("small")
        assert (done.state, done.done_bytes, done.name) == (DownloadState.DONE, len(DATA), "small")
        assert (tmp_path / "small.gguf").read_bytes() == DATA
        assert json.loads((tmp_path / "small.gguf.json").read_text())["template"] == "{{ .Prompt }}"
        assert there.leavings == []
        assert there.arrived
        blobs = [one for one in server.requests if one.headers.get("range")]
        assert len(blobs) == -(-len(DATA) // QUICK.segment_bytes)
        states = [one.download.state for one in there.events if isinstance(one, DownloadChanged)]
        assert states[0] is DownloadState.QUEUED
        assert states[-1] is DownloadState.DONE
        with pytest.raises(Conflict):
            await there.downloads.pull("small")
        await there.downloads.cancel(done.id)
        assert there.downloads.list() == ()
        assert (tmp_path / "small.gguf").exists()


async def test_the_same_model_asked_for_at_once_comes_once(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.hold = hold = threading.Event()
    async with shelf(server, tmp_path) as there:
        pulled = await asyncio.gather(*(there.downloads.pull("small") for _ in range(4)))
        hold.set()
        assert len({download.id for download in pulled}) == 1
        assert (await there.ended(pulled[0].id)).state is DownloadState.DONE
        assert len(there.downloads.list()) == 1


async def test_dropped_connections_are_gone_on_with(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.drop_after, server.manners.drops = 10_000, 15
    async with shelf(server, tmp_path) as there:
        done = await there.fetched("small")
        assert done.state is DownloadState.DONE
        assert done.retries > 0
        assert (tmp_path / "small.gguf").read_bytes() == DATA


async def test_a_server_that_ignores_ranges_is_read_in_one_go(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.ranges = False
    server.manners.drop_after, server.manners.drops = 100_000, 2
    async with shelf(server, tmp_path) as there:
        done = await there.fetched(f"{server.url}/files/small.gguf")
        assert done.state is DownloadState.DONE
        assert (tmp_path / "small.gguf").read_bytes() == DATA


async def test_a_server_that_stops_sending_parts_is_started_over(
    server: UnrulyServer, tmp_path: Path
) -> None:
    server.manners.hold = hold = threading.Event()
    async with shelf(server, tmp_path) as there:
        begun = await there.downloads.pull("small")
        await until("half has come", server.halfway.is_set, timeout_s=20)
        paused = await there.downloads.pause(begun.id)
        assert paused.state is DownloadState.PAUSED
        hold.set()
        server.manners.ranges = False
        await there.downloads.resume(begun.id)
        assert (await there.ended(begun.id)).state is DownloadState.DONE
        assert (tmp_path / "small.gguf").read_bytes() == DATA


async def test_a_token_stays_with_its_host(server: UnrulyServer, tmp_path: Path) -> None:
    with unruly() as other:
        server.manners.token = "a-secret"
        other.files = server.files
        server.manners.redirect = other.url
        async with shelf(server, tmp_path) as there:
            done = await there.fetched("small")
            assert done.state is DownloadState.DONE, done.message
        assert other.requests
        assert all("authorization" not in request.headers for request in other.requests)
        assert any(request.headers.get("authorization") == "Bearer a-secret" for request in server.requests)


async def test_tokens_that_wear_out_again_and_again_are_renewed(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.token, server.manners.token_uses = "a-secret", 2
    async with shelf(server, tmp_path, replace(QUICK, parts=1)) as there:
        done = await there.fetched("small")
        assert done.state is DownloadState.DONE, done.message
        assert (tmp_path / "small.gguf").read_bytes() == DATA
    used = {request.headers["authorization"] for request in server.requests if "range" in request.headers}
    assert len(used) >= 3


def test_a_token_that_is_refused_when_it_is_new_is_not_asked_for_again() -> None:
    def renewed() -> str:
        asked.append("again")
        return "bad"

    asked: list[str] = []
    access = Access("old", renewed)
    access.taken("old")
    assert access.refused("old")
    assert access.refused("old"), "another connection had the old one still"
    assert not access.refused("bad")
    access.taken("bad")
    assert access.refused("bad")
    assert asked == ["again", "again"]


@pytest.mark.parametrize("told", [len(DATA) - 1000, len(DATA) + 1000])
async def test_a_size_that_is_a_lie_is_told(server: UnrulyServer, tmp_path: Path, told: int) -> None:
    async with shelf(server, tmp_path) as there:
        resolver_size = len(DATA)
        server.manners.told_size = told
        for path in list(server.files):
            if len(server.files[path]) < 100:  # the small layers are right
                server.json_answers[path] = {}
        failed = await there.fetched("small")
        assert failed.state is DownloadState.FAILED
        assert str(resolver_size) in failed.message
        assert str(told) in failed.message
        assert not (tmp_path / "small.gguf").exists()


async def test_a_corrupt_byte_is_found_and_the_bad_file_removed(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.corrupt_at = 200_000
    async with shelf(server, tmp_path) as there:
        failed = await there.fetched("small")
        assert failed.state is DownloadState.FAILED
        assert "damaged" in failed.message
        assert failed.remedy
        assert there.leavings == [".json"]
        server.manners.corrupt_at = None
        await there.downloads.resume(failed.id)
        assert (await there.ended(failed.id)).state is DownloadState.DONE
        assert (tmp_path / "small.gguf").read_bytes() == DATA


async def test_a_file_that_is_no_model_is_not_kept(server: UnrulyServer, tmp_path: Path) -> None:
    server.files["/files/page.gguf"] = b"<html>" * 1000
    async with shelf(server, tmp_path) as there:
        failed = await there.fetched(f"{server.url}/files/page.gguf")
        assert failed.state is DownloadState.FAILED
        assert "not a GGUF" in failed.message
        assert not (tmp_path / "page.gguf").exists()


async def test_a_stalled_connection_is_given_up_and_gone_on_with(
    server: UnrulyServer, tmp_path: Path
) -> None:
    server.manners.stall_after, server.manners.stalls = 20_000, 1
    async with shelf(server, tmp_path, stall_s=0.2) as there:
        done = await there.fetched(f"{server.url}/files/small.gguf")
        assert done.state is DownloadState.DONE
        assert done.retries >= 1


async def test_a_passing_failure_is_tried_again(server: UnrulyServer, tmp_path: Path) -> None:
    async with shelf(server, tmp_path) as there:
        server.manners.statuses = [500, 429]
        server.manners.retry_after = "0"
        done = await there.fetched(f"{server.url}/files/small.gguf")
        assert done.state is DownloadState.DONE


async def test_a_pause_that_the_server_asks_for_is_kept_and_told(
    server: UnrulyServer, tmp_path: Path
) -> None:
    async with shelf(server, tmp_path) as there:
        server.manners.hold = hold = threading.Event()
        begun = await there.downloads.pull("small")
        await until("half has come", server.halfway.is_set, timeout_s=20)
        await there.downloads.pause(begun.id)
        hold.set()
        server.manners.statuses, server.manners.retry_after = [429], "300"
        await there.downloads.resume(begun.id)
        await until("it waits", lambda: "300 s" in there.downloads.list()[0].message)
        assert "429" in there.downloads.list()[0].message
        paused = await there.downloads.pause(begun.id)  # the wait ends at once
        assert paused.state is DownloadState.PAUSED


@pytest.mark.parametrize(("status", "error"), [(401, DownloadFailed), (403, DownloadFailed), (404, NotFound)])
async def test_a_refusal_is_told_at_once(
    server: UnrulyServer, tmp_path: Path, status: int, error: type[ControlCenterError]
) -> None:
    async with shelf(server, tmp_path) as there:
        server.manners.statuses = [status] * 3
        with pytest.raises(error) as caught:
            await there.downloads.pull(f"{server.url}/files/small.gguf")
        assert caught.value.remedy
        assert there.downloads.list() == ()


async def test_failures_without_end_end(server: UnrulyServer, tmp_path: Path) -> None:
    async with shelf(server, tmp_path) as there:
        server.manners.statuses = [500] * 3
        with pytest.raises(DownloadFailed, match="500"):
            await there.downloads.pull("small")
        server.manners.hold = hold = threading.Event()
        begun = await there.downloads.pull("small")
        await until("half has come", server.halfway.is_set, timeout_s=20)
        await there.downloads.pause(begun.id)
        hold.set()
        server.manners.statuses = [503] * 100
        await there.downloads.resume(begun.id)
        failed = await there.ended(begun.id)
        assert failed.state is DownloadState.FAILED
        assert "503" in failed.message
        assert "goes on where it was" in failed.remedy
        assert there.leavings == [".json", ".part"]


async def test_cancel_leaves_nothing(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.hold = threading.Event()
    async with shelf(server, tmp_path) as there:
        begun = await there.downloads.pull("small")
        await until("half has come", server.halfway.is_set, timeout_s=20)
        await there.downloads.cancel(begun.id)
        assert there.leavings == []
        last = there.events[-1]
        assert isinstance(last, DownloadChanged)
        assert last.removed
        with pytest.raises(NotFound):
            await there.downloads.resume(begun.id)


async def test_a_download_goes_on_after_the_program_ended(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.hold = hold = threading.Event()
    async with shelf(server, tmp_path) as there:
        begun = await there.downloads.pull("small")
        await until("some bytes are on the disk", lambda: there.now(begun.id).done_bytes > 0, timeout_s=20)
    assert there.leavings == [".json", ".part"]
    hold.set()
    server.requests.clear()
    async with shelf(server, tmp_path) as there:
        (only,) = there.downloads.list()
        assert (await there.ended(only.id)).state is DownloadState.DONE
    assert (tmp_path / "small.gguf").read_bytes() == DATA
    starts = [request.headers["range"].split("=")[1].split("-")[0] for request in server.requests]
    assert any(int(start) % QUICK.segment_bytes for start in starts)  # in the middle of a part


async def test_a_program_killed_after_the_rename_finds_the_model_there(
    server: UnrulyServer, tmp_path: Path
) -> None:
    server.manners.hold = hold = threading.Event()
    async with shelf(server, tmp_path) as there:
        await there.downloads.pull("small")
        await until("half has come", server.halfway.is_set, timeout_s=20)
    hold.set()
    for part in [file for file in (tmp_path / FOLDER).iterdir() if file.suffix == ".part"]:
        part.unlink()
    (tmp_path / "small.gguf").write_bytes(DATA)
    async with shelf(server, tmp_path) as there:
        assert there.downloads.list() == ()
        assert there.leavings == []


async def test_a_full_disk_is_told_before_anything_is_fetched(
    server: UnrulyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(arrival.shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 100, 100))
    async with shelf(server, tmp_path) as there:
        with pytest.raises(DownloadFailed) as caught:
            await there.downloads.pull("small")
        assert caught.value.details["free_bytes"] == 100
        assert not any(request.headers.get("range") for request in server.requests)


def saved_bytes(folder: Path) -> int:
    """Bytes that the JSON file of a download tells of."""
    for file in (folder / FOLDER).glob("*.json"):
        return sum(int(segment["done"]) for segment in json.loads(file.read_text())["segments"])
    return 0


CHILD = """
    import asyncio, sys
    from pathlib import Path
    from backend_embedded.library.downloads import Downloads
    from backend_embedded.library.fetcher import Limits
    from backend_embedded.library.resolver import Resolver
    from backend_embedded.library.transport import Transport

    async def main():
        url, folder = sys.argv[1], Path(sys.argv[2])
        limits = Limits(parts=2, segment_bytes=40_000, buffer_bytes=4096, save_s=0.0)
        async def arrived(): pass
        resolver = Resolver(Transport, url, url)
        async with Downloads(lambda: folder, resolver, Transport, lambda event: None, arrived, limits) as downloads:
            await downloads.pull("small")
            print("begun", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


async def test_a_killed_program_goes_on_where_it_was(server: UnrulyServer, tmp_path: Path) -> None:
    server.manners.hold = hold = threading.Event()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(CHILD), server.url, str(tmp_path), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        assert await child.stdout.readline() == b"begun\n"
        await until("some bytes are on the disk", lambda: saved_bytes(tmp_path) > 0, timeout_s=20)
    finally:
        child.kill()
        await child.wait()
    hold.set()
    async with shelf(server, tmp_path) as there:
        (only,) = there.downloads.list()
        assert 0 < only.done_bytes < len(DATA)
        assert (await there.ended(only.id)).state is DownloadState.DONE
    assert hashlib.sha256((tmp_path / "small.gguf").read_bytes()).digest() == hashlib.sha256(DATA).digest()


async def test_a_model_of_hugging_face(server: UnrulyServer, tmp_path: Path) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    server.json_answers["/api/models/owner/name"] = {"cardData": {"license": "apache-2.0"}}
    server.json_answers["/api/models/owner/name/tree/main"] = [
        {"type": "file", "path": "small.Q4_0.gguf", "size": 1, "lfs": {"oid": digest, "size": len(DATA)}},
        {"type": "file", "path": "README.md", "size": 10},
        {"type": "file", "path": "small.Q8_0.gguf", "size": 2 * len(DATA)},
    ]
    server.files["/owner/name/resolve/main/small.Q4_0.gguf"] = DATA
    server.files["/owner/name/resolve/abc/small.Q4_0.gguf"] = DATA
    async with shelf(server, tmp_path) as there:
        with pytest.raises(InvalidInput) as caught:
            await there.downloads.pull("hf.co/owner/name")
        assert caught.value.details["files"] == [
            "hf.co/owner/name/small.Q4_0.gguf",
            "hf.co/owner/name/small.Q8_0.gguf",
        ]
        done = await there.fetched("hf.co/owner/name/small.Q4_0.gguf")
        assert (done.state, done.name) == (DownloadState.DONE, "small.Q4_0")


async def test_a_quantization_of_hugging_face(server: UnrulyServer, tmp_path: Path) -> None:
    server.json_answers["/api/models/owner/name"] = {}
    server.json_answers["/api/models/owner/name/tree/main"] = [
        {"type": "file", "path": f"small.{kind}.gguf", "size": len(DATA)} for kind in ("Q4_K_M", "Q8_0")
    ]
    for kind in ("Q4_K_M", "Q8_0"):
        server.files[f"/owner/name/resolve/main/small.{kind}.gguf"] = DATA
    async with shelf(server, tmp_path) as there:
        assert (await there.fetched("hf.co/owner/name:q8_0")).name == "small.Q8_0"
        assert (await there.fetched("hf.co/owner/name")).name == "small.Q4_K_M"
        with pytest.raises(NotFound) as caught:
            await there.downloads.pull("hf.co/owner/name:Q2_K")
        assert caught.value.remedy == "Choose one of Q4_K_M, Q8_0."


async def test_an_import_is_checked_and_copied(server: UnrulyServer, tmp_path: Path) -> None:
    source = tmp_path / "elsewhere" / "mine.gguf"
    source.parent.mkdir()
    source.write_bytes(DATA)
    (bad := tmp_path / "elsewhere" / "bad.gguf").write_bytes(DATA[:-50])
    folder = tmp_path / "models"
    folder.mkdir()
    async with shelf(server, folder) as there:
        with pytest.raises(ModelFileInvalid):
            await there.downloads.bring(str(bad), None, move=False)
        with pytest.raises(InvalidInput):
            await there.downloads.bring(str(tmp_path / "none.gguf"), None, move=False)
        copied = await there.ended((await there.downloads.bring(str(source), None, move=False)).id)
        assert copied.state is DownloadState.DONE
        moved = await there.ended((await there.downloads.bring(str(source), "other", move=True)).id)
        assert moved.state is DownloadState.DONE
    assert (folder / "mine.gguf").read_bytes() == (folder / "other.gguf").read_bytes() == DATA
    assert not source.exists()
    assert there.leavings == []


def test_a_look_up_is_tried_by_the_policy_and_counted(server: UnrulyServer) -> None:
    class Counted:
        def __init__(self) -> None:
            self.told: list[tuple[str, str, str]] = []

        def retried(self, policy: str, reason: str) -> None:
            self.told.append(("retried", policy, reason))

        def gave_up(self, policy: str, reason: str) -> None:
            self.told.append(("gave up", policy, reason))

    counted = Counted()
    resolver = Resolver(Transport, server.url, server.url, lambda failures: 0.0, counted)
    server.manners.statuses = [503]
    assert resolver.offers("small").files
    assert counted.told == [("retried", "http_services", "registry")]
    server.manners.statuses = [502, 503, 504]
    with pytest.raises(DownloadFailed):
        resolver.offers("small")
    assert counted.told[1:] == [
        ("retried", "http_services", "registry"),
        ("retried", "http_services", "registry"),
        ("gave up", "http_services", "registry"),
    ]
