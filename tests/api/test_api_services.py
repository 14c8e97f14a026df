"""Trying the address of a server before it is set: what is refused, and what is told of who does not answer."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from served_backend import ScriptedModel, opened, served

from backend_embedded.wiring.probes import open_probes

TEST = "/api/v1/services/test"


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        opened(tmp_path, ScriptedModel()) as services,
        AsyncExitStack() as stack,
        served(replace(services, probes=open_probes(stack))) as made,
    ):
        yield made


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("cache", "http://127.0.0.1:6379"),
        ("cache", "redis://127.0.0.1:port"),
        ("queue", "redis://127.0.0.1"),
        ("database", "sqlite:///some.db"),
        ("database", "postgresql://[::1/name"),
        ("database", "postgresql://127.0.0.1:5432"),
    ],
)
async def test_what_is_no_address_is_refused(client: httpx.AsyncClient, kind: str, url: str) -> None:
    answer = await client.post(TEST, json={"kind": kind, "url": url})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["remedy"]


@pytest.mark.parametrize(
    ("kind", "scheme", "rest", "code"),
    [
        ("cache", "redis", "", "CACHE_UNAVAILABLE"),
        ("queue", "amqp", "/", "QUEUE_UNAVAILABLE"),
        ("database", "postgresql", "/name", "STORAGE_UNAVAILABLE"),
    ],
)
async def test_who_does_not_listen_is_named_without_the_password(
    client: httpx.AsyncClient, kind: str, scheme: str, rest: str, code: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = await client.post(
        TEST, json={"kind": kind, "url": f"{scheme}://user:hidden-word@127.0.0.1:{port}{rest}"}
    )
    assert answer.status_code == 503, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert f"127.0.0.1:{port}" in error["message"]
    assert "hidden-word" not in answer.text


async def test_an_unknown_kind_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(TEST, json={"kind": "graph", "url": "bolt://x"})).status_code == 422


async def test_a_hidden_password_is_the_one_that_is_kept(client: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kept = await client.patch(
        "/api/v1/settings", json={"queue": f"amqp://user:hidden-word@127.0.0.1:{port}/"}
    )
    shown = f"amqp://user:***@127.0.0.1:{port}/"
    assert kept.json()["data"]["queue"] == shown
    assert "hidden-word" not in (await client.get("/api/v1/settings")).text
    tried = await client.post(TEST, json={"kind": "queue", "url": shown})
    assert tried.json()["error"]["code"] == "QUEUE_UNAVAILABLE"
    other = await client.post(TEST, json={"kind": "queue", "url": "amqp://user:***@127.0.0.1:1/"})
    assert other.status_code == 422
    assert other.json()["error"]["remedy"] == "Write the password into the address anew."
