"""Fetching a model through the Ollama door, over a library that plays a download; and `serve --local-api`."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from served_backend import ScriptedModel

from app.child import launch_line
from app.cli import parse
from app.paths import home_paths
from backend_embedded.api.doors.ollama_pull import pull_lines
from backend_embedded.contract.library import Download, DownloadState, Remote, RemoteFile
from backend_embedded.errors import Conflict, ControlCenterError, NotFound
from backend_embedded.library.service import Library

SHA256 = "2af3b81862c6" + "0" * 52
BEGUN = Download(
    id="1",
    reference="tiny:latest",
    name="tiny",
    state=DownloadState.RUNNING,
    size_bytes=10,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@dataclass
class PlayedDownloads:
    """Each look at the list shows the next state; the last one stays."""

    states: list[Download]
    failure: ControlCenterError | None = None
    paused: list[str] = field(default_factory=list)

    def list(self) -> tuple[Download, ...]:
        return (self.states.pop(0) if len(self.states) > 1 else self.states[0],)

    async def pull(self, reference: str) -> Download:
        if self.failure is not None:
            raise self.failure
        return BEGUN

    async def pause(self, download_id: str) -> None:
        self.paused.append(download_id)


@dataclass
class PlayedLibrary:
    downloads: PlayedDownloads
    name: str = "tiny"

    async def remote(self, reference: str) -> Remote:
        file = RemoteFile(reference="tiny:latest", name=self.name, size_bytes=10, sha256=SHA256)
        return Remote(reference=reference, title="Tiny", files=(file,))


def at(done: int, state: DownloadState = DownloadState.RUNNING, **more: Any) -> Download:
    return BEGUN.model_copy(update={"done_bytes": done, "state": state, **more})


async def lines(library: PlayedLibrary) -> list[dict[str, Any]]:
    async with aclosing(pull_lines(cast("Library", library), ScriptedModel(), "tiny")) as steps:
        return [step async for step in steps]


async def test_a_download_is_told_in_the_lines_of_ollama() -> None:
    states = [at(0), at(5), at(10, DownloadState.VERIFYING), at(10, DownloadState.DONE)]
    found = await lines(PlayedLibrary(PlayedDownloads(states)))
    status = "pulling 2af3b81862c6"
    assert found == [
        {"status": "pulling manifest"},
        {"status": status, "digest": f"sha256:{SHA256}", "total": 10},
        {"status": status, "digest": f"sha256:{SHA256}", "total": 10, "completed": 5},
        {"status": status, "digest": f"sha256:{SHA256}", "total": 10, "completed": 10},
        {"status": "verifying sha256 digest"},
        {"status": "writing manifest"},
        {"status": "success"},
    ]


async def test_an_unknown_model_is_a_line_after_the_first() -> None:
    failure = NotFound("There is no tiny.")
    found = await lines(PlayedLibrary(PlayedDownloads([BEGUN], failure)))
    assert found == [
        {"status": "pulling manifest"},
        {"error": "pull model manifest: There is no tiny."},
    ]


@pytest.mark.parametrize(("name", "last"), [("script", {"status": "success"}), ("tiny", None)])
async def test_a_model_that_is_there_is_a_success(name: str, last: dict[str, str] | None) -> None:
    library = PlayedLibrary(PlayedDownloads([BEGUN], Conflict("Taken.")), name)
    found = (await lines(library))[-1]
    assert found == (last or {"error": "pull model manifest: Taken."})


async def test_a_failed_download_ends_with_its_reason() -> None:
    failed = at(3, DownloadState.FAILED, message="The sha256 differs.", remedy="Try again.")
    assert (await lines(PlayedLibrary(PlayedDownloads([failed]))))[-1] == {
        "error": "The sha256 differs. Try again."
    }


async def test_closing_the_stream_pauses_the_download() -> None:
    library = PlayedLibrary(PlayedDownloads([at(1)]))
    steps = pull_lines(cast("Library", library), ScriptedModel(), "tiny")
    await anext(steps)
    await anext(steps)
    await steps.aclose()
    assert library.downloads.paused == ["1"]


def test_serve_takes_the_mode_of_the_doors_for_its_run(tmp_path: Path) -> None:
    assert parse(["serve", "--local-api", "open"]).local_api == "open"
    with pytest.raises(SystemExit):
        parse(["serve", "--local-api", "wide"])
    line = json.loads(launch_line(home_paths(str(tmp_path), {}), "t", local_api="off"))
    assert line["local_api"] == "off"
    assert "local_api" not in json.loads(launch_line(home_paths(str(tmp_path), {}), "t"))
