"""Ollama dies in the middle of an answer, the answer goes on with llama.cpp, and Ollama comes back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journey import Day, day_of
from program import wait_for
from scripted_ollama import ScriptedOllama

WORDS = [" Once", " upon", " a", " time", " there", " was", " a", " harbour."]
HELD_AFTER = 4


class Server:
    """A scripted Ollama on a loop of its own thread: the journey's own thread watches the screen."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-ollama")
        self.script = ScriptedOllama(words=WORDS)

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Serve until the block is left."""
        self._thread.start()
        try:
            self.start()
            yield self
        finally:
            self.stop()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    def start(self) -> None:
        """Listen; again on the same port after a stop."""
        asyncio.run_coroutine_threadsafe(self.script.start(), self._loop).result(10)

    def stop(self) -> None:
        """Drop whoever is connected, as a killed server does."""
        asyncio.run_coroutine_threadsafe(self.script.stop(), self._loop).result(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as server:
        yield server


@pytest.fixture
def day(tmp_path: Path, server: Server) -> Iterator[Day]:
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / "backend.json").write_text(json.dumps({"ollama_url": server.script.url}))
    with day_of("ollama", tmp_path / "home") as day:
        yield day


def provider(day: Day) -> str:
    """Who answers, as the backend says; empty while it is away."""
    status = day.get("/api/v1/status") or {"capabilities": []}
    return next((c["provider"] for c in status["capabilities"] if c["name"] == "model"), "")


@pytest.mark.timeout(900)
def test_ollama_is_lost_and_comes_back(day: Day, server: Server) -> None:
    day.open_window()
    day.ready()
    wait_for("Ollama is found", lambda: provider(day) == "ollama")
    day.screen.press("ctrl+n")
    lose_it_in_the_middle(day, server)
    ask_without_it(day)
    have_it_back(day, server)


def lose_it_in_the_middle(day: Day, server: Server) -> None:
    server.script.hold_after = HELD_AFTER
    day.send("Tell me a story of a harbour.")
    half = "".join(WORDS[:HELD_AFTER])
    wait_for("half of it is there", lambda: (a := day.last()) and a["text"].strip() == half.strip())
    day.shoot("half")
    server.stop()
    answer = day.until("the other half", "complete", 90)
    day.shoot("gone-on")
    assert answer["text"].strip().startswith(half.strip())
    assert len(answer["text"]) > len(half)
    [seam] = answer["seams"]
    assert (seam["provider"], seam["offset"]) == ("llama.cpp", len(half))
    assert "Ollama" in seam["reason"]


def ask_without_it(day: Day) -> None:
    answer = day.ask("Name one ship.")
    assert answer["stats"]["provider"] == "llama.cpp"
    assert "Ollama" in answer["stats"]["reason"]
    day.shoot("without")


def have_it_back(day: Day, server: Server) -> None:
    server.script.hold_after = None
    server.start()
    wait_for("it is used again by itself", lambda: provider(day) == "ollama", timeout_s=90)
    answer = day.ask("And another one?")
    assert answer["stats"]["provider"] == "ollama"
    assert answer["text"].strip() == "".join(WORDS).strip()
    day.shoot("back")
