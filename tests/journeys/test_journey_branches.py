"""A person edits a question, goes back to the old one, branches off, and lets two settings answer side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from journey import Answer, Day, day_of
from program import wait_for

FIRST, EDITED, NEXT, ASIDE = "Name one colour.", "Name one animal.", "Which is best?", "And another one?"
PREVIOUS_QUESTION_AT, NEXT_QUESTION_AT = (495, 131), (540, 131)
"""The arrows under the first question, at 1280x800."""
SECOND_COLUMN_AT = (950, 747)
"""Middle of `Go on with this` under the second of two answers."""


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with day_of("branches", tmp_path / "home") as day:
        yield day


@pytest.mark.timeout(900)
def test_branch_and_compare(day: Day) -> None:
    day.open_window()
    day.ready()
    day.screen.press("ctrl+n")
    day.ask(FIRST)
    edit_the_question(day)
    go_back_and_forth(day)
    branch_off(day)
    compare(day)


def edit_the_question(day: Day) -> None:
    day.screen.press("ctrl+e", "ctrl+a")
    day.ask(EDITED)
    question = day.branch()[0]
    assert (question["text"], len(question["siblings"])) == (EDITED, 2)
    day.shoot("edited")


def go_back_and_forth(day: Day) -> None:
    day.click_until(PREVIOUS_QUESTION_AT, "the old question is back", lambda: day.texts()[:1] == [FIRST])
    day.shoot("the-old-one")
    day.click_until(NEXT_QUESTION_AT, "the new one again", lambda: day.texts()[:1] == [EDITED])


def branch_off(day: Day) -> None:
    whole = day.texts()
    origin = day.get("/api/v1/conversations?limit=1")[0]["id"]
    day.command("branch from the last")
    wait_for("a second conversation", lambda: len(day.get("/api/v1/conversations") or []) == 2)
    day.wait_shown(day.get("/api/v1/conversations?limit=1")[0]["id"])
    assert day.texts() == whole
    day.ask(ASIDE)
    day.shoot("branched")
    old = [message["text"] for message in day.get(f"/api/v1/conversations/{origin}/messages")]
    assert old == whole


def compare(day: Day) -> None:
    day.screen.type(NEXT)
    day.screen.press("ctrl+shift+m")
    wait_for("the question how to compare", lambda: day.screen.window("Compare answers"))
    day.shoot("ways")
    day.screen.focus(day.screen.window("Compare answers") or "")
    day.screen.press("Return")

    def both() -> Answer | None:
        answer = day.last()
        if answer is None or len(answer["siblings"]) < 2:
            return None
        return answer if answer["status"] == "complete" else None

    wait_for("two answers to one question", both, 90)
    question = day.branch()[-2]
    assert question["text"] == NEXT
    day.shoot("side-by-side")
    siblings = day.branch()[-1]["siblings"]

    def taken() -> bool:
        answer = day.last()
        return answer is not None and answer["id"] == siblings[1]

    day.click_until(SECOND_COLUMN_AT, "the second answer goes on", taken)
    day.ask("Why?")
    assert day.branch()[-3]["id"] == siblings[1]
    day.shoot("went-on")
