"""A person's first day: ask, stop, ask again, lose every process in the middle of an answer, quit, come back."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from journey import Day, day_of
from own_time import ends
from program import wait_for

RUNNER, BACKEND = "backend_embedded.llm.runner", "backend_embedded"
QUESTION = "Write the numbers from 1 to 1000, one per line."
EXAMPLE_AT = (494, 552)
"""Middle of the first example prompt of the welcome, at 1280x800."""


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with day_of("first-day", tmp_path / "home") as day:
        yield day


@pytest.mark.timeout(900)
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
    day.click_until(EXAMPLE_AT, "the question is stored", day.branch)
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
    assert ends(day.program.process, 15) == 0
    day.program.start()
    day.open_window()
    day.ready()
    assert [(m["id"], m["text"]) for m in day.branch()] == [(m["id"], m["text"]) for m in before]
    day.shoot("next-day")
    # The window shows that conversation and that branch: what is asked again is its last question.
    day.screen.press("ctrl+1")
    again = day.ask_again_once_shown(before[-1])
    assert again["parent_id"] == before[-1]["parent_id"]
