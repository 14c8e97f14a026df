"""A person attaches a picture, which is refused, and a file too large for the context, and chooses what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from journey import Day, day_of
from program import wait_for

CONTEXT_SIZE = 512
LINES = 44
QUESTION = "How many ships came on day 3?"
ENLARGE_AT = (584, 547)
"""Middle of `Enlarge the context` in the choice over the composer, at 1280x800."""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / "backend.json").write_text(json.dumps({"context_size": CONTEXT_SIZE}))
    with day_of("context", tmp_path / "home") as day:
        yield day


@pytest.mark.timeout(900)
def test_a_file_too_large_and_the_choice(day: Day, tmp_path: Path) -> None:
    day.open_window()
    day.ready()
    day.screen.press("ctrl+n")
    day.ask("Name one ship.")
    picture, notes = tmp_path / "ship.png", tmp_path / "harbour.txt"
    picture.write_bytes(PNG)
    lines = (f"Line {n}: the harbour master counted {n} ships that day." for n in range(1, LINES))
    notes.write_text("\n".join(lines))
    attach(day, picture)
    day.shoot("refused")
    attach(day, notes)
    day.screen.type(QUESTION)
    day.screen.press("Return")
    day.shoot("too-large")
    assert policy(day) == "ask"
    assert QUESTION not in day.texts()
    day.click_until(ENLARGE_AT, "the choice is kept", lambda: policy(day) == "enlarge")
    day.shoot("chosen")
    day.press_until("Return", "the question is stored", lambda: QUESTION in day.texts())
    answer = day.until("it is answered", "complete", 240)
    day.shoot("answered")
    question = day.branch()[-2]
    assert [file["name"] for file in question["attachments"]] == ["harbour.txt"]
    assert answer["stats"]["prompt_tokens"] > CONTEXT_SIZE
    assert not (answer["context"] or {}).get("unseen")


def attach(day: Day, file: Path) -> None:
    day.screen.press("ctrl+shift+a")
    dialog = wait_for("the dialog", lambda: day.screen.window("Attach files"))
    day.screen.focus(dialog)
    day.screen.type(str(file))
    day.screen.press("Return")
    wait_for("the dialog is closed", lambda: day.screen.window("Attach files") is None)
    day.open_window()


def policy(day: Day) -> str:
    chosen: str = day.get("/api/v1/conversations?limit=1")[0]["settings"]["context_policy"]
    return chosen
