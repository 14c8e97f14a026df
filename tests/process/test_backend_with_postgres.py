"""A real backend on a real PostgreSQL that goes and comes back under it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from postgres_stage import Stage, stage
from program import wait_for

from backend_embedded.settings import write_whole

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.fixture
def server() -> Iterator[Stage]:
    with stage() as made:
        yield made


@contextmanager
def serving(home: Path, url: str) -> Iterator[httpx.Client]:
    """`sutazai serve` with its data in that database."""
    settings = {"database_url": url, "cache": "embedded", "queue": "embedded", "keep_alive_s": 0}
    write_whole(home / "config" / "backend.json", json.dumps(settings | {"provider": "llama_cpp"}))
    with subprocess.Popen(
        [sys.executable, "-m", "app", "--home", str(home), "serve"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            token = (home / "run" / "token").read_text().strip()
            with httpx.Client(
                base_url=ready["url"], headers={"Authorization": f"Bearer {token}"},
                timeout=30, trust_env=False, verify=False,
            ) as client:  # fmt: skip
                yield client
        finally:
            process.terminate()


def store_of(client: httpx.Client) -> dict[str, Any]:
    capabilities = client.get("/api/v1/status").raise_for_status().json()["data"]["capabilities"]
    found: dict[str, Any] = next(one for one in capabilities if one["name"] == "store")
    return found


def made(client: httpx.Client) -> httpx.Response:
    return client.post("/api/v1/tasks", json={"type": "t"})


def test_the_backend_goes_on_when_postgresql_is_back(server: Stage, tmp_path: Path) -> None:
    database = server.server.database()
    with serving(tmp_path / "home", server.server.url(database)) as client:
        store = store_of(client)
        assert (store["provider"], store["state"]) == ("PostgreSQL", "ok")
        assert store["product"] == f"PostgreSQL {server.server.version}"
        first = made(client).raise_for_status().json()["data"]["id"]
        assert client.get("/api/v1/tasks").json()["metadata"]["page"]["total"] == 1
        server.server.kill()
        refused = made(client)
        assert refused.status_code == 503
        error = refused.json()["error"]
        assert error["code"] == "STORAGE_UNAVAILABLE"
        assert str(server.server.port) in error["message"]
        assert error["remedy"]
        store = store_of(client)
        assert (store["state"], store["reason"]) == ("down", error["message"])
        assert client.get("/health").json()["data"]["state"] == "down"
        server.server.start()
        wait_for("the store is back", lambda: store_of(client)["state"] == "ok")
        second = made(client).raise_for_status().json()["data"]["id"]
        listed = client.get("/api/v1/tasks?fields=id&sort=created_at").json()["data"]
        assert [task["id"] for task in listed] == [first, second], "nothing is lost, nothing there by half"
        metrics = client.get("/metrics").text
        assert "sutazai_database_pool_wait_seconds_count" in metrics
        assert 'sutazai_retries_exhausted_total{policy="database",reason="CONNECTION_TIMEOUT"}' in metrics
    assert not (tmp_path / "home" / "data" / "control-center.db").exists()


def test_the_backend_starts_while_postgresql_is_gone(server: Stage, tmp_path: Path) -> None:
    database = server.server.database()
    url = server.server.url(database)
    server.server.stop()
    with serving(tmp_path / "home", url) as client:
        store = store_of(client)
        assert store["state"] == "down"
        assert made(client).status_code == 503
        server.server.start()
        wait_for("the store is there", lambda: store_of(client)["state"] == "ok")
        assert made(client).status_code == 201
