"""A person's first day: ask, stop, ask again, lose every process in the middle of an answer, quit, come back."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from program import Program, running, wait_for
from screen import Screen, missing_tools, virtual_screen

RUNNER, BACKEND = "backend_embedded.llm.runner", "backend_embedded"
QUESTION = "Write the numbers from 1 to 1000, one per line."
EXAMPLE_AT = (494, 552)
"""Middle of the first example prompt of the welcome, at 1280x800."""
PICTURES = Path(__file__).resolve().parents[2] / "build" / "journey"

Answer = dict[str, Any]


class Day:
    """The window on its screen, and what its backend has stored."""

    def __init__(self, program: Program, screen: Screen) -> None:
        self.program, self.screen = program, screen
        self.pictures = 0

    def open_window(self) -> None:
        """Wait for the window and give it the keyboard."""
        self.screen.focus(wait_for("the window", lambda: self.screen.window("SutazAI")))

    def shoot(self, name: str) -> None:
        """Keep a picture for a person to look at."""
        self.pictures += 1
        self.screen.shoot(PICTURES / f"{self.pictures:02}-{name}.png")

    def get(self, path: str) -> Any:
        """Data of one GET; None while the backend is away."""
        client = self.program.client()
        if client is None:
            return None
        with closing(client):
            try:
                return client.get(path).raise_for_status().json()["data"]
            except httpx.HTTPError:
                return None

    def branch(self) -> list[Answer]:
        """Messages of the newest conversation's shown branch."""
        conversations = self.get("/api/v1/conversations?limit=1")
        if not conversations:
            return []
        return self.get(f"/api/v1/conversations/{conversations[0]['id']}/messages") or []

    def last(self) -> Answer | None:
        """The newest answer of the shown branch."""
        messages = self.branch()
        return messages[-1] if messages and messages[-1]["role"] == "assistant" else None

    def until(self, what: str, status: str, timeout_s: float = 60) -> Answer:
        """Wait until the newest answer has a status."""

        def probe() -> Answer | None:
            answer = self.last()
            return answer if answer is not None and answer["status"] == status else None

        return wait_for(what, probe, timeout_s)

    def being_written(self) -> Answer:
        """Ask until an answer is caught while it is written with some text; a short one is asked again."""
        for _ in range(8):

            def probe() -> Answer | None:
                answer = self.last()
                if answer is None or (answer["status"] == "writing" and len(answer["text"]) < 20):
                    return None
                return answer

            answer = wait_for("an answer with text", probe)
            if answer["status"] == "writing":
                return answer
            self.screen.press("ctrl+r")
            self.wait_for_sibling(answer)
        raise AssertionError("eight answers were over before they could be caught")

    def ask_again_once_shown(self, answer: Answer) -> Answer:
        """Press Ctrl+R until the window, which may still read the conversation, takes it."""
        for _ in range(10):
            self.screen.press("ctrl+r")
            try:
                return self.wait_for_sibling(answer, timeout_s=2)
            except AssertionError:
                continue
        raise AssertionError("the window shows another conversation, or none")

    def wait_for_sibling(self, answer: Answer, timeout_s: float = 30) -> Answer:
        """Wait for one more answer to the same question, shown in its place."""

        def probe() -> Answer | None:
            newer = self.last()
            return newer if newer is not None and len(newer["siblings"]) > len(answer["siblings"]) else None

        return wait_for("one more answer", probe, timeout_s)

    def command(self, words: str) -> None:
        """Find an action in the palette and do it."""
        self.screen.press("ctrl+k")
        self.screen.type(words)
        self.screen.press("Return")

    def ready(self) -> None:
        """Wait until the model can answer."""
        self.program.ready().close()


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    lacking = missing_tools()
    if lacking:
        pytest.skip(f"no virtual screen: {', '.join(lacking)} not installed")
    with virtual_screen() as screen:
        program = Program(tmp_path / "home", DISPLAY=screen.display, QT_QPA_PLATFORM="xcb")
        with running(program):
            yield Day(program, screen)


@pytest.mark.timeout(400)
def test_first_day(day: Day) -> None:
    day.open_window()
    day.ready()
    day.shoot("welcome")
    ask_by_mouse(day)
    stop_and_ask_again(day)
    lose_the_runner(day)
    lose_the_backend(day)
    change_the_theme(day)
    come_back(day)


def ask_by_mouse(day: Day) -> None:
    day.screen.click(*EXAMPLE_AT)
    wait_for("the question is stored", day.branch)
    day.until("the first answer is there", "complete")
    day.shoot("first-answer")


def stop_and_ask_again(day: Day) -> None:
    day.screen.press("ctrl+n")
    day.screen.type(QUESTION)
    day.screen.press("Return")
    wait_for("the new conversation", lambda: len(day.get("/api/v1/conversations") or []) == 2)
    writing = day.being_written()
    grown = wait_for(
        "the text grows", lambda: (a := day.last()) and len(a["text"]) > len(writing["text"]) and a
    )
    day.shoot("writing")
    if grown["status"] != "writing":
        grown = day.being_written()
    day.screen.press("Escape")
    stopped = day.until("Esc stops it", "stopped")
    assert stopped["text"].startswith(grown["text"])
    day.shoot("stopped")
    day.screen.press("ctrl+r")
    again = day.wait_for_sibling(stopped)
    assert again["parent_id"] == stopped["parent_id"]


def lose_the_runner(day: Day) -> None:
    seen = day.being_written()
    victim = wait_for("the runner", lambda: day.program.child(RUNNER))
    os.kill(victim.pid, signal.SIGKILL)
    cut = day.until("the cut answer is kept", "incomplete")
    assert cut["text"].startswith(seen["text"])
    back = wait_for("the runner is back", lambda: day.program.child(RUNNER), timeout_s=5)
    assert back.pid != victim.pid
    day.ready()
    day.shoot("runner-lost")
    day.command("continue")
    longer = wait_for(
        "Continue goes on with it", lambda: (a := day.last()) and len(a["text"]) > len(cut["text"]) and a
    )
    assert longer["id"] == cut["id"]
    assert longer["text"].startswith(cut["text"])


def lose_the_backend(day: Day) -> None:
    seen = day.being_written()
    victim = wait_for("the backend", lambda: day.program.child(BACKEND))
    os.kill(victim.pid, signal.SIGKILL)
    day.shoot("backend-lost")
    back = wait_for("the backend is back", lambda: day.program.child(BACKEND), timeout_s=5)
    assert back.pid != victim.pid
    day.ready()
    kept = day.until("the cut answer is kept", "incomplete")
    assert kept["text"].startswith(seen["text"])
    day.shoot("backend-back")


def change_the_theme(day: Day) -> None:
    day.screen.press("ctrl+comma")
    day.command("dark")
    preferences = day.program.home / "config" / "desktop.json"
    wait_for(
        "the theme is kept",
        lambda: preferences.exists() and json.loads(preferences.read_text())["theme"] == "dark",
    )
    day.shoot("settings-dark")


def come_back(day: Day) -> None:
    before = day.branch()
    assert day.program.process is not None
    day.screen.press("ctrl+1")
    day.screen.press("ctrl+q")
    assert day.program.process.wait(15) == 0
    day.program.start()
    day.open_window()
    day.ready()
    assert [(m["id"], m["text"]) for m in day.branch()] == [(m["id"], m["text"]) for m in before]
    day.shoot("next-day")
    # The window shows that conversation and that branch: what is asked again is its last question.
    day.screen.press("ctrl+1")
    again = day.ask_again_once_shown(before[-1])
    assert again["parent_id"] == before[-1]["parent_id"]
