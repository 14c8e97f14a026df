"""Values that JSON can say and a database or an answer cannot: refused when they come, so that no list breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from served_backend import ScriptedModel, opened, served

JSON = {"Content-Type": "application/json"}
DEEP = "[" * 300 + "]" * 300
HARD = {
    "too large a whole number": "1" + "0" * 30,
    "not finite": "1e999",
    "no number": "NaN",
    "half a character": '"\\ud800"',
    "half a character in a name": '{"\\ud800": 1}',
    "too deep": DEEP,
    "far too deep": "[" * 5_000 + "]" * 5_000,
}
BODIES = {
    "task": ("POST", "/api/v1/tasks", '{"type": "t", "payload": {"a": %s}}'),
    "config": ("PUT", "/api/v1/config/k", '{"value": %s}'),
    "conversation": (
        "POST",
        "/api/v1/conversations",
        '{"title": "T", "settings": {"options": {"json_schema": {"a": %s}}}}',
    ),
    "preset": ("POST", "/api/v1/presets", '{"name": "p", "options": {"json_schema": {"a": %s}}}'),
}
LISTS = ("tasks", "config", "conversations", "presets", "audit-logs")


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(tmp_path, ScriptedModel()) as services, served(services) as made:
        yield made


@pytest.mark.parametrize("hard", HARD)
@pytest.mark.parametrize("body", BODIES)
async def test_a_value_that_cannot_be_told_is_refused(
    client: httpx.AsyncClient, body: str, hard: str
) -> None:
    method, path, text = BODIES[body]
    answer = await client.request(method, path, content=text % HARD[hard], headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]["code"] == "INVALID_INPUT"
    for name in LISTS:
        there = await client.get(f"/api/v1/{name}")
        assert (there.status_code, there.json()["data"]) == (200, [])


@pytest.mark.parametrize(
    "value", ["18446744073709551615", "-9223372036854775808", "1e308", "[" * 90 + "]" * 90]
)
async def test_a_value_at_the_edge_is_kept(client: httpx.AsyncClient, value: str) -> None:
    text = BODIES["task"][2] % value
    made = await client.post("/api/v1/tasks", content=text, headers=JSON)
    assert made.status_code == 201, made.text
    (there,) = (await client.get("/api/v1/tasks")).json()["data"]
    assert there == made.json()["data"]


@pytest.mark.parametrize(
    "query",
    [
        "tasks?offset=99999999999999999999",
        "conversations?offset=99999999999999999999",
        "tasks?priority=99999999999999999999",
        "search?q=a&offset=99999999999999999999",
        "tasks?since=0001-01-01T00:00:00%2B14:00",
    ],
)
async def test_a_number_that_no_database_knows_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/v1/{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] == "INVALID_INPUT"


async def test_an_import_with_times_that_have_no_zone_is_refused_whole(client: httpx.AsyncClient) -> None:
    conversation = {
        "id": str(uuid4()), "title": "T", "created_at": "2026-01-01T00:00:00", "updated_at": "2026-01-01T00:00:00",
    }  # fmt: skip
    file = {
        "format": "sutazai-conversations", "version": 1,
        "conversations": [{"conversation": conversation, "messages": []}],
    }  # fmt: skip
    answer = await client.post("/api/v1/import", json=file)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_INPUT")
    assert (await client.get("/api/v1/conversations")).json()["data"] == []
