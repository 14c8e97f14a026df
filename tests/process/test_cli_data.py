"""`sutazai data …` as a user types it: real processes, a real backend and, for moving, a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_stage import Stage, stage
from program import wait_for

from backend_embedded.settings import write_whole

INTERRUPTIBLE = ("env", "--default-signal=INT")
"""A shell without job control starts background jobs, and so all below them, with SIGINT ignored."""
SUTAZAI = [sys.executable, "-m", "app"]
LIMIT_S = 90


def data(*words: str, home: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*SUTAZAI, "data", *words, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that looks for no server."""
    made = tmp_path / "home"
    write_whole(made / "config" / "backend.json", json.dumps({"cache": "embedded", "queue": "embedded"}))
    return made


def put(home: Path, count: int) -> None:
    """So many agents, into the file."""
    connection = sqlite3.connect(home / "data" / "control-center.db")
    with connection:
        connection.executemany(
            "INSERT INTO agents (id, name) VALUES (?, ?)",
            [(f"{number:032x}", f"agent {number}") for number in range(count)],
        )
    connection.close()


def agents_in(file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        return int(connection.execute("SELECT count(*) FROM agents").fetchone()[0])
    finally:
        connection.close()


def test_a_backup_is_made_checked_and_put_back(home: Path, tmp_path: Path) -> None:
    assert "whole" in data("check", home=home).stdout
    put(home, 20)
    backup = tmp_path / "a backup.db"
    said = data("backup", str(backup), home=home).stdout
    assert str(backup) in said
    assert agents_in(backup) == 20
    refused = data("backup", str(backup), home=home, status=1)
    assert "is there already" in refused.stderr
    put_more = sqlite3.connect(home / "data" / "control-center.db")
    with put_more:
        put_more.execute("DELETE FROM agents WHERE name <> 'agent 7'")
    put_more.close()
    told = json.loads(data("restore", str(backup), "--json", home=home).stdout)
    assert (told["state"], told["work"]) == ("done", "restore")
    assert {table["name"]: table["rows"] for table in told["tables"]}["agents"] == 20
    assert agents_in(home / "data" / "control-center.db") == 20
    missing = data("restore", str(tmp_path / "nothing.db"), home=home, status=1)
    assert "There is no file" in missing.stderr


def test_what_makes_no_sense_is_refused(home: Path) -> None:
    for words in (["move"], ["move", "--to", "x", "--back"], []):
        data(*words, home=home, status=2)
    assert "no address" in data("move", "--to", "mysql://a/b", home=home, status=1).stderr
    assert "in the file" in data("move", "--back", home=home, status=1).stderr


@pytest.fixture
def server() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.mark.services
def test_the_data_moves_to_postgresql_is_used_there_and_comes_back(home: Path, server: Stage) -> None:
    data("check", home=home)
    put(home, 3_000)
    database = server.server.database()
    url = server.server.url(database)
    said = data("move", "--to", url, home=home).stdout
    assert "secret" not in said
    assert server.server.run("SELECT count(*) FROM agents", database) == [(3_000,)]
    settings = json.loads((home / "config" / "backend.json").read_text())
    assert settings["database_url"] == url
    server.server.run("UPDATE agents SET description = 'changed there'", database)
    assert "whole" in data("check", home=home).stdout, "the next start uses PostgreSQL"
    assert agents_in(home / "data" / "control-center.db") == 3_000, "the old file is kept"
    data("move", "--back", home=home)
    assert json.loads((home / "config" / "backend.json").read_text())["database_url"] == ""
    connection = sqlite3.connect(home / "data" / "control-center.db")
    rows = connection.execute("SELECT DISTINCT description FROM agents").fetchall()
    connection.close()
    assert rows == [("changed there",)]
    assert len(list((home / "data").glob("control-center-before-*.db"))) == 1


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_move_that_is_interrupted_leaves_everything_as_it_was(
    home: Path, server: Stage, number: signal.Signals
) -> None:
    data("check", home=home)
    put(home, 40_000)
    database = server.server.database()
    words = ("data", "move", "--to", server.server.url(database), "--home", str(home))
    moving = subprocess.Popen(
        [*INTERRUPTIBLE, *SUTAZAI, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )

    def copying() -> bool:
        return bool(
            server.server.run(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sutazai' "
                f"AND datname = '{database}' AND query ILIKE '%INSERT INTO agents%'"
            )
        )

    wait_for("it copies", copying, LIMIT_S)
    if number is signal.SIGINT:
        moving.send_signal(number)
    else:
        os.killpg(moving.pid, number)  # the backend that it started dies with it
    _, error = moving.communicate(timeout=LIMIT_S)
    assert moving.returncode != 0
    if number is signal.SIGINT:
        assert b"everything is as it was" in error
    wait_for(
        "the server has undone it",
        lambda: (
            not server.server.run(
                f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'sutazai'"
            )
        ),
        LIMIT_S,
    )
    assert agents_in(home / "data" / "control-center.db") == 40_000
    assert not json.loads((home / "config" / "backend.json").read_text()).get("database_url")
    there = server.server.run("SELECT to_regclass('agents')", database)[0][0]
    assert there is None or server.server.run("SELECT count(*) FROM agents", database) == [(0,)]
    data("move", "--to", server.server.url(database), home=home)
    assert server.server.run("SELECT count(*) FROM agents", database) == [(40_000,)]
