"""One day of a person at the window: the program on a virtual screen, and what its backend has stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from program import Program, running, seen, wait_for
from screen import Screen, missing_tools, virtual_screen

PICTURES = Path(__file__).resolve().parents[2] / "build" / "journey"

Answer = dict[str, Any]


class Day:
    """The window on its screen, and what its backend has stored."""

    def __init__(self, program: Program, screen: Screen, name: str) -> None:
        self.program, self.screen = program, screen
        self.name = name
        self.pictures: list[str] = []

    def open_window(self) -> None:
        """Wait for the window and give it the keyboard."""
        self.screen.focus(wait_for("the window", lambda: self.screen.window("SutazAI")))

    def shoot(self, name: str) -> Path:
        """Keep a picture for a person to look at; a second one of the same name takes the place of the first."""
        if name not in self.pictures:
            self.pictures.append(name)
        file = PICTURES / self.name / f"{self.pictures.index(name) + 1:02}-{name}.png"
        self.screen.shoot(file)
        return file

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

    def shown(self) -> str | None:
        """Id of the conversation that the window shows, as it keeps it; None: an empty chat."""
        kept = self.program.home / "config" / "desktop.json"
        return json.loads(kept.read_text())["kept"].get("chat.selected") if kept.exists() else None

    def wait_shown(self, conversation_id: str) -> None:
        """Wait until the window shows this conversation."""
        wait_for("the window shows it", lambda: self.shown() == conversation_id)

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
            if newer := seen(lambda: self.sibling(answer), 2):
                return newer
        raise AssertionError("the window shows another conversation, or none")

    def wait_for_sibling(self, answer: Answer) -> Answer:
        """Wait for one more answer to the same question, shown in its place."""
        return wait_for("one more answer", lambda: self.sibling(answer))

    def sibling(self, answer: Answer) -> Answer | None:
        """The newest answer, if it is one more to the same question."""
        newer = self.last()
        return newer if newer is not None and len(newer["siblings"]) > len(answer["siblings"]) else None

    def click_until(self, at: tuple[int, int], what: str, probe: Callable[[], object]) -> None:
        """Click a place until it shows: what is to be clicked may come a moment later than what was waited for."""
        self._until(lambda: self.screen.click(*at), what, probe)

    def press_until(self, key: str, what: str, probe: Callable[[], object]) -> None:
        """Press a key until it shows."""
        self._until(lambda: self.screen.press(key), what, probe)

    def _until(self, act: Callable[[], None], what: str, probe: Callable[[], object]) -> None:
        for _ in range(10):
            act()
            if seen(probe, 3):
                return
        raise AssertionError(f"{what}: not after ten tries")

    def send(self, question: str) -> None:
        """Type a question and press Enter until it is stored: the window may not be connected yet."""
        self.screen.type(question)
        self.press_until("Return", "the question is stored", lambda: question in self.texts())

    def ask(self, question: str) -> Answer:
        """Ask, and wait for the whole answer."""
        self.send(question)
        return self.until("it is answered", "complete")

    def choose_model(self, words: str) -> None:
        """Take a model by its name; keys that come while the list is closing would be lost with it."""
        self.screen.press("ctrl+m")
        wait_for("the list of models", lambda: len(self.screen.windows()) > 1)
        self.screen.type(words)
        self.screen.press("Return")
        wait_for("the list is closed", lambda: len(self.screen.windows()) == 1)

    def texts(self) -> list[str]:
        """Texts of the shown branch."""
        return [message["text"] for message in self.branch()]

    def command(self, words: str) -> None:
        """Find an action in the palette and do it."""
        self.screen.press("ctrl+k")
        self.screen.type(words)
        self.screen.press("Return")

    def ready(self) -> None:
        """Wait until the model can answer, and the window knows: before that it takes no clicks and no keys."""
        self.program.ready().close()
        told = '"chat_ready"'
        wait_for("the window knows", lambda: self.program.output().count(told) >= self.program.starts)


@contextmanager
def day_of(name: str, home: Path, **environment: str) -> Iterator[Day]:
    """The program on a screen of its own; skipped, with the reason, where there can be no screen.

    Args:
        name: folder of its pictures in `build/journey`.
        home: the instance's home.
        environment: additions to the program's environment.
    """
    lacking = missing_tools()
    if lacking:
        pytest.skip(f"no virtual screen: {', '.join(lacking)} not installed")
    with virtual_screen() as screen:
        shown = {"DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb", "SUTAZAI_TRACE_START": "1"}
        program = Program(home, **shown, **environment)
        with running(program):
            day = Day(program, screen, name)
            try:
                yield day
            finally:
                day.shoot("end")
