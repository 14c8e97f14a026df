"""A person remembers a sentence of last month, finds it among hundreds of chats, and words in the chat itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from journey import Day, day_of
from program import wait_for

CHATS, TURNS, THE_ONE, THE_TURN = 240, 30, 178, 12
SENTENCE = "The lighthouse keeper of Skagen painted his door in a green that nobody else had."
NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
MARK = "srgb(250,239,214)"
"""Ground of the words that a search found, in the light theme (`degradedSoft`)."""


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with day_of("find", tmp_path / "home") as day:
        yield day


def id_of(*words: object) -> str:
    return str(uuid5(NAMES, " ".join(map(str, words))))


def chats() -> dict[str, object]:
    """A file of chats of the last four months; the one that is sought is of last month."""
    now, found = datetime.now(UTC), []
    for number in range(CHATS):
        at = now - timedelta(days=120 - number / 2, minutes=5)
        turns = TURNS if number == THE_ONE else 2
        messages: list[dict[str, object]] = []
        for turn in range(2 * turns):
            text = f"Line {turn} of chat {number}: ships, harbours and the weather of the day."
            if (number, turn) == (THE_ONE, 2 * THE_TURN + 1):
                text = f"Long ago. {SENTENCE} He never said why."
            messages.append(
                {
                    "id": id_of("message", number, turn),
                    "conversation_id": id_of("chat", number),
                    "parent_id": messages[-1]["id"] if messages else None,
                    "role": "assistant" if turn % 2 else "user",
                    "text": text,
                    "status": "complete",
                    "created_at": (at + timedelta(seconds=turn)).isoformat(),
                    "siblings": [],
                }
            )
        conversation = {
            "id": id_of("chat", number),
            "title": f"Chat {number} of the harbour",
            "created_at": at.isoformat(),
            "updated_at": at.isoformat(),
            "leaf_id": messages[-1]["id"],
        }
        found.append({"conversation": conversation, "messages": messages})
    return {"format": "sutazai-conversations", "version": 1, "conversations": found}


def marked_pixels(day: Day, name: str) -> int:
    """How many points of the screen have the ground of found words."""
    picture = day.shoot(name)
    counted = subprocess.run(
        [
            "convert", str(picture), "-fill", "black", "+opaque", MARK, "-fill", "white", "-opaque", MARK,
            "-format", "%[fx:round(mean*w*h)]", "info:",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout  # fmt: skip
    return int(counted)


@pytest.mark.timeout(900)
def test_a_sentence_of_last_month_is_found(day: Day) -> None:
    day.open_window()
    day.ready()
    with closing(day.program.ready()) as client:
        answer = client.post("/api/v1/import", content=json.dumps(chats()).encode()).raise_for_status()
        assert len(answer.json()["data"]["conversations"]) == CHATS
    day.screen.press("ctrl+n")
    find_it_everywhere(day)
    find_words_in_it(day)


def find_it_everywhere(day: Day) -> None:
    day.screen.press("ctrl+shift+f")
    day.screen.type("lighthouse keeper green")
    day.press_until("Return", "the hit is opened", lambda: day.shown() == id_of("chat", THE_ONE))
    # The message is far above the end of its chat: it is brought into sight, and its words are marked.
    wait_for("the words are marked", lambda: marked_pixels(day, "found") > 200, timeout_s=15)


def find_words_in_it(day: Day) -> None:
    day.screen.press("ctrl+f")
    day.screen.type("nobody else")
    wait_for("they are marked in the chat", lambda: marked_pixels(day, "in-the-chat") > 200, timeout_s=15)
    day.screen.press("Escape")
    wait_for("and no longer", lambda: marked_pixels(day, "left") < 200, timeout_s=15)
    assert day.shown() == id_of("chat", THE_ONE)
