"""A person fetches a model, pauses, loses the whole program, goes on where it was, and asks the new model."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journey import Day, day_of
from program import gone, wait_for
from unruly_server import UnrulyServer, unruly

from backend_embedded.llm.files.library import find_starter

NAME = "harbour"
FETCH_AT, PAUSE_AT = (1195, 286), (1216, 382)
"""Download on the card of what was looked up; pause on the card of the download, at 1280x800."""
RESUME_AT = (1216, 275)
"""Resume on the card of the download when nothing is looked up."""


@pytest.fixture
def model() -> bytes:
    starter = find_starter()
    assert starter is not None
    return starter.read_bytes()


@pytest.fixture
def server(model: bytes) -> Iterator[UnrulyServer]:
    with unruly() as server:
        server.files[f"/{NAME}.gguf"] = model
        server.manners.hold = threading.Event()
        yield server


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with day_of("download", tmp_path / "home") as day:
        yield day


@pytest.mark.timeout(900)
def test_a_download_outlives_the_program(day: Day, server: UnrulyServer, model: bytes) -> None:
    day.open_window()
    day.ready()
    begin(day, server)
    part = pause(day)
    lose_everything(day)
    assert part.stat().st_size > 0
    go_on(day, server, model)
    ask_it(day)


def download(day: Day) -> dict[str, Any]:
    found = day.get("/api/v1/downloads")
    one: dict[str, Any] = found[0] if found else {"state": "", "done_bytes": 0}
    return one


def begin(day: Day, server: UnrulyServer) -> None:
    day.screen.press("ctrl+2")
    day.command("look up any")
    day.screen.type(f"{server.url}/{NAME}.gguf")
    day.screen.press("Return")
    day.click_until(FETCH_AT, "it is being fetched", lambda: download(day)["state"] == "running")
    assert server.halfway.wait(30)
    wait_for("a part came", lambda: download(day)["done_bytes"] > 1_000_000)
    day.shoot("running")


def pause(day: Day) -> Path:
    day.click_until(PAUSE_AT, "it is paused", lambda: download(day)["state"] == "paused")
    day.shoot("paused")
    [part] = (day.program.home / "models").glob(".downloads/*.part")
    return part


def lose_everything(day: Day) -> None:
    done = download(day)["done_bytes"]
    family = day.program.tree()
    for process in family:
        os.kill(process.pid, signal.SIGKILL)
    assert gone(family, within_s=5)
    assert day.program.process is not None
    day.program.process.wait(5)
    day.program.start()
    day.open_window()
    day.ready()
    kept = download(day)
    assert (kept["state"], kept["name"]) == ("paused", NAME)
    assert kept["done_bytes"] == done > 0


def go_on(day: Day, server: UnrulyServer, model: bytes) -> None:
    assert server.manners.hold is not None
    server.manners.hold.set()
    there = download(day)["done_bytes"]
    asked = len(server.requests)
    day.screen.press("ctrl+2")
    day.command("get models")
    day.shoot("back")
    day.click_until(RESUME_AT, "it goes on", lambda: download(day)["state"] in ("running", "done"))
    wait_for("it is done", lambda: download(day)["state"] == "done", timeout_s=60)
    day.shoot("done")
    # What was there is not fetched again.
    ranges = [request.headers["range"] for request in server.requests[asked:] if request.method == "GET"]
    fetched = sum(int(last) + 1 - int(first) for first, last in (one[6:].split("-") for one in ranges))
    assert fetched == len(model) - there
    file = day.program.home / "models" / f"{NAME}.gguf"
    assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(model).digest()
    assert not list((day.program.home / "models").glob(".downloads/*.part"))


def ask_it(day: Day) -> None:
    names = [one["name"] for one in day.get("/api/v1/models")]
    assert NAME in names
    day.screen.press("ctrl+1", "ctrl+n")
    day.choose_model(NAME)
    answer = day.ask("Name one ship.")
    assert answer["stats"]["model"] == NAME
    day.shoot("asked")
