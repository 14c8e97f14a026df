"""Random kills of every process while answers stream: nothing the user has seen is lost, nothing stays behind.

`SUTAZAI_KILLS` sets the number of kills (12 by default, 200 by `make soak`).
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from program import Program, gone, running, stream_chat, wait_for

RUNNER, BACKEND, DESKTOP = "backend_embedded.llm.runner", "backend_embedded", "app"
KILLS = int(os.environ.get("SUTAZAI_KILLS", "12"))


def victim(program: Program, module: str) -> psutil.Process:
    return wait_for(f"{module} runs", lambda: program.child(module))


def kill_in_answer(program: Program, module: str, after: int) -> tuple[str, str, str]:
    """Ask, read `after` pieces, kill; returns conversation, message and the text that was seen."""
    conversation = message = ""
    seen: list[str] = []
    with closing(program.ready()) as client:
        target = victim(program, module)
        family = program.tree()
        try:
            for event in stream_chat(
                client,
                {"content": "Write the numbers from 1 to 1000, one per line.", "options": {"temperature": 0}},
            ):
                if event["kind"] == "started":
                    conversation, message = event["conversation"]["id"], event["answer"]["id"]
                if event["kind"] == "text":
                    seen.append(event["text"])
                    if len(seen) == after:
                        target.kill()
        except httpx.HTTPError:
            pass  # the connection went with its server: that is what is tested
    if module == DESKTOP:
        assert gone(family, within_s=2), "a process outlived the desktop"
        assert program.process is not None
        program.process.wait(5)
        program.start()
    else:
        assert gone([target], within_s=2)
        wait_for(f"{module} is back", lambda: program.child(module), timeout_s=20)
    return conversation, message, "".join(seen)


def stored_text(client: httpx.Client, conversation: str, message: str) -> str:
    answer = client.get(f"/api/v1/conversations/{conversation}/messages").raise_for_status().json()["data"]
    return next(item["text"] for item in answer if item["id"] == message)


def assert_files_whole(home: Path) -> None:
    for file in home.rglob("*.json"):
        json.loads(file.read_text())
    for file in home.rglob("*.db"):
        with closing(sqlite3.connect(file)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.timeout(240 + 40 * KILLS)
def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(20)
    answers: list[tuple[str, str, str]] = []
    with running(Program(tmp_path / "home")) as program:
        for number in range(KILLS):
            module = (
                (RUNNER, BACKEND, DESKTOP)[number % 3]
                if number < 3
                else chance.choice((RUNNER, BACKEND, DESKTOP))
            )
            answers.append(kill_in_answer(program, module, after=chance.randint(1, 25)))
        with closing(program.ready()) as client:
            for conversation, message, seen in answers:
                assert seen
                assert stored_text(client, conversation, message).startswith(seen)
        family = program.tree()
        assert program.stop() == 0
        assert gone(family, within_s=2)
    assert_files_whole(tmp_path / "home")
