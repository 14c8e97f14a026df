"""The backend is killed again and again while it writes: what it acknowledged is there, and nothing is done twice.

`SUTAZAI_WRITE_KILLS` sets the number of kills (8 by default, 100 by `make soak`).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from program import wait_for
from real_postgres import real_postgres
from real_rabbitmq import real_rabbitmq
from real_redis import real_redis

KILLS = int(os.environ.get("SUTAZAI_WRITE_KILLS", "8"))
WRITERS = 6
PAGE = 1000


@dataclass
class Acknowledged:
    """Ids that the backend said are stored."""

    conversations: set[str] = field(default_factory=set)
    tasks: set[str] = field(default_factory=set)
    enough: threading.Event = field(default_factory=threading.Event)
    wanted: int = 0

    def __len__(self) -> int:
        return len(self.conversations) + len(self.tasks)


@contextmanager
def serving(home: Path) -> Iterator[tuple[psutil.Process, httpx.Client]]:
    """`sutazai serve`, killed with all its children at the end whatever happened."""
    with (home.with_suffix(".err")).open("ab") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "app", "--home", str(home), "serve"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert child.stdout is not None
    with child.stdout as out:
        ready = json.loads(out.readline())
        process = psutil.Process(ready["pid"])
        token = (home / "run" / "token").read_text().strip()
        client = httpx.Client(
            base_url=ready["url"],
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
            verify=False,
        )
        try:
            with closing(client):
                yield process, client
        finally:
            for one in [*process.children(recursive=True), process] if process.is_running() else []:
                one.kill()
            child.wait(10)


def write(client: httpx.Client, number: int, known: Acknowledged) -> None:
    """Make conversations and tasks until the backend is gone."""
    count = 0
    while True:
        count += 1
        try:
            if count % 2:
                answer = client.post("/api/v1/conversations", json={"title": f"writer {number}, {count}"})
                kind = known.conversations
            else:
                answer = client.post("/api/v1/tasks", json={"type": "note", "payload": {"n": count}})
                kind = known.tasks
            body = answer.raise_for_status().json()
        except (httpx.TransportError, json.JSONDecodeError):
            return
        kind.add(body["data"]["id"])
        if len(known) >= known.wanted:
            known.enough.set()


def kill_under_load(home: Path, known: Acknowledged, writes: int) -> None:
    """Start, write from several threads, and kill after so many acknowledged writes."""
    with serving(home) as (process, client):
        known.wanted = len(known) + writes
        known.enough.clear()
        writers = [threading.Thread(target=write, args=(client, n, known)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        reached = known.enough.wait(60)
        process.kill()
        for writer in writers:
            writer.join(30)
        assert reached, "the writes were not acknowledged"


def every(client: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    while True:
        wanted = {**query, "limit": PAGE, "offset": len(found)}
        page = client.get(path, params=wanted).raise_for_status().json()["data"]
        found += page
        if len(page) < PAGE:
            return found


def nothing_waits(client: httpx.Client) -> bool:
    """Whether every message is published, and every event handled."""
    status = client.get("/api/v1/queue").raise_for_status().json()["data"]
    events = next(q for q in status["queues"] if q["name"] == "event.queue")
    return not (status["outbox"] or events["ready"] or events["unacknowledged"])


def kill_and_compare(home: Path) -> None:
    chance, known = random.Random(7), Acknowledged()
    for _ in range(KILLS):
        kill_under_load(home, known, writes=chance.randint(3, 60))
    with serving(home) as (_, client):
        wait_for("every message is handled", lambda: nothing_waits(client), timeout_s=60)
        conversations = {one["id"] for one in every(client, "/api/v1/conversations")}
        tasks = {one["id"] for one in every(client, "/api/v1/tasks")}
        assert known.conversations <= conversations
        assert known.tasks <= tasks
        lines = Counter(
            (line["entity"], line["entity_id"])
            for line in every(client, "/api/v1/audit-logs", action="created")
        )
        # A line for every row that is stored, acknowledged or not: none lost, none twice.
        assert lines == Counter(
            [("conversation", one) for one in conversations] + [("task", one) for one in tasks]
        )
        letters = client.get("/api/v1/queue/dead-letters").raise_for_status().json()["data"]
        assert letters == []


@pytest.mark.timeout(240 + 40 * KILLS)
def test_kills_under_write_load_lose_and_double_nothing(tmp_path: Path) -> None:
    settings(tmp_path / "home", cache="embedded", queue="embedded")
    kill_and_compare(tmp_path / "home")


@pytest.mark.services
@pytest.mark.timeout(480 + 40 * KILLS)
def test_kills_under_write_load_on_real_servers(tmp_path: Path) -> None:
    with real_postgres() as postgres, real_redis() as redis, real_rabbitmq() as rabbit:
        database = postgres.url(postgres.database())
        settings(tmp_path / "home", database_url=database, cache=redis.url, queue=rabbit.url)
        kill_and_compare(tmp_path / "home")


def settings(home: Path, **values: str) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "backend.json").write_text(json.dumps(values))
