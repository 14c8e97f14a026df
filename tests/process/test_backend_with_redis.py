"""The backend as a process beside a real Redis that dies, hangs and comes back while it is used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from own_time import ends
from program import wait_for
from real_redis import real_redis

pytestmark = pytest.mark.services
TOKEN = "process-test-token"
FOLDERS = ("config", "data", "state", "cache", "models", "run")
LEAVE_S = 3.0


@contextmanager
def backend(home: Path, **settings: Any) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A backend with these settings and a client of it; killed at the end if it is still there."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    kept = {"keep_alive_s": 0, "queue": "embedded", "provider": "llama_cpp"} | settings
    (home / "config" / "backend.json").write_text(json.dumps(kept))
    process = subprocess.Popen(
        [sys.executable, "-m", "backend_embedded"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        paths = {name: str(home / name) for name in FOLDERS}
        process.stdin.write(json.dumps({"paths": paths, "token": TOKEN}).encode() + b"\n")
        process.stdin.flush()
        url = json.loads(process.stdout.readline())["url"]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20) as client:
            yield process, client
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def cache_of(client: httpx.Client) -> dict[str, Any]:
    told = client.get("/api/v1/status").raise_for_status().json()["data"]["capabilities"]
    return next(one for one in told if one["name"] == "cache")


def served_by(client: httpx.Client, provider: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        cache = cache_of(client)
        return cache if cache["provider"] == provider else None

    return wait_for(f"the cache is served by {provider}", probe)


@dataclass
class Reader:
    """Changes a task and reads it back, over and over.

    Attributes:
        old: what was read that was not what was written last.
        failed: requests that were not answered well.
    """

    client: httpx.Client
    task: str
    rounds: int = 0
    old: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        number = 0
        while not self.ending.is_set():
            number += 1
            path = f"/api/v1/tasks/{self.task}"
            try:
                self.client.patch(path, json={"priority": number % 10 + 1}).raise_for_status()
                found = self.client.get(path).raise_for_status().json()["data"]["priority"]
                again = self.client.get(path).raise_for_status().json()["data"]["priority"]
            except httpx.HTTPError as error:
                self.failed.append(repr(error))
                return
            if {found, again} != {number % 10 + 1}:
                self.old.append(f"round {number}: {found}, {again}")
            self.rounds += 1


@contextmanager
def reading(client: httpx.Client, count: int = 4) -> Iterator[list[Reader]]:
    """Some readers, each with a task of its own, in threads that end with the block."""
    readers = []
    for _ in range(count):
        answer = client.post("/api/v1/tasks", json={"type": "test", "payload": {}}).raise_for_status()
        readers.append(Reader(client, answer.json()["data"]["id"]))
    threads = [threading.Thread(target=reader.go_on) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        yield readers
    finally:
        for reader in readers:
            reader.ending.set()
        for thread in threads:
            thread.join()


def more_rounds(readers: list[Reader], count: int = 10) -> None:
    """Wait until each has gone round some more."""
    goals = [reader.rounds + count for reader in readers]
    wait_for(
        "the readers go on",
        lambda: all(one.rounds >= goal or one.failed for one, goal in zip(readers, goals, strict=True)),
    )


def test_reads_follow_writes_while_redis_is_killed_hung_and_restarted(tmp_path: Path) -> None:
    with real_redis() as redis, backend(tmp_path / "home", cache=redis.url) as (_, client):
        served_by(client, "redis")
        with reading(client) as readers:
            more_rounds(readers)
            assert redis.run("KEYS", "cache:tasks~*"), "reads are kept there"
            redis.kill()
            more_rounds(readers)
            cache = served_by(client, "embedded")
            assert cache["state"] == "degraded"
            assert "cannot be reached" in cache["reason"]
            redis.start()
            served_by(client, "redis")
            more_rounds(readers)
            redis.hang()
            more_rounds(readers)
            assert "did not answer" in served_by(client, "embedded")["reason"]
            redis.go_on()
            cache = served_by(client, "redis")
            assert (cache["state"], cache["product"]) == ("ok", f"Redis {redis.version}")
            more_rounds(readers)
        assert [reader.failed for reader in readers] == [[]] * 4
        assert [reader.old for reader in readers] == [[]] * 4
        metrics = client.get("/metrics").text
        failovers = re.search(r"^sutazai_cache_failovers_total (\S+)$", metrics, re.MULTILINE)
        assert failovers is not None
        assert float(failovers[1]) >= 2, (
            "and one more each time that the machine was too slow for a call in time"
        )
        assert 'sutazai_cache_lookups_total{kind="cache",result="hit"}' in metrics
        assert 'sutazai_capability_state{name="cache",provider="redis"} 2.0' in metrics


def test_it_leaves_at_once_while_redis_hangs(tmp_path: Path) -> None:
    with real_redis() as redis, backend(tmp_path / "home", cache=redis.url) as (process, client):
        served_by(client, "redis")
        redis.hang()
        process.terminate()
        assert ends(process, LEAVE_S) == 0


def test_the_setting_changes_who_serves_at_once(tmp_path: Path) -> None:
    with real_redis() as redis, backend(tmp_path / "home", cache="embedded") as (_, client):
        assert cache_of(client)["state"] == "ok"
        for setting, provider in ((redis.url, "redis"), ("embedded", "embedded"), (redis.url, "redis")):
            client.patch("/api/v1/settings", json={"cache": setting}).raise_for_status()
            served_by(client, provider)
        refused = client.patch("/api/v1/settings", json={"cache": "http://localhost"})
        assert refused.status_code == 422
        assert cache_of(client)["provider"] == "redis"
