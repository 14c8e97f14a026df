"""The routes of tasks, agents, the audit log and the configuration, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from served_backend import ScriptedModel, opened, served

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.contract.agents import AgentCreate
from backend_embedded.services import Records, Services
from backend_embedded.storage.record_ports import Actor
from backend_embedded.wiring.records import records_in


@pytest_asyncio.fixture(params=["plain", "read through the cache"])
async def services(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Services]:
    async with opened(tmp_path, ScriptedModel()) as made:
        if request.param == "plain":
            yield made
            return
        database = made.store.database  # type: ignore[attr-defined]
        yield replace(made, records=records_in(database, reads=ReadThrough(EmbeddedCache())))


@pytest_asyncio.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with served(services) as made:
        yield made


def records(services: Services) -> Records:
    assert services.records is not None
    return services.records


async def data(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


async def made(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    found: dict[str, Any] = await data(
        await client.post("/api/v1/tasks", json={"type": "analysis", **wanted}), 201
    )
    return found


async def test_a_task_is_made_changed_cancelled_and_done_again(client: httpx.AsyncClient) -> None:
    task = await made(client, payload={"text": "Ä"}, priority=8)
    where = f"/api/v1/tasks/{task['id']}"
    assert (task["status"], task["priority"], task["payload"]) == ("pending", 8, {"text": "Ä"})
    assert await data(await client.get(where)) == task
    changed = await data(await client.patch(where, json={"priority": 2}))
    assert changed["priority"] == 2
    assert await data(await client.get(where)) == changed
    assert (await data(await client.post(f"{where}/cancel")))["status"] == "cancelled"
    refused = await client.patch(where, json={"priority": 3})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    assert (await data(await client.post(f"{where}/retry")))["status"] == "pending"
    assert (await data(await client.get(where)))["status"] == "pending"
    steps = await data(await client.get(f"{where}/history", params={"fields": "to_status"}))
    assert [step["to_status"] for step in steps] == ["pending", "cancelled", "pending"]


async def test_what_a_request_changes_is_in_the_audit_log_with_its_id(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/tasks", json={"type": "t"}, headers={"X-Correlation-ID": "chain-7"})
    task = await data(answer, 201)
    assert await data(await client.get("/api/v1/audit-logs", params={"entity": "agent"})) == []
    lines = await data(await client.get("/api/v1/audit-logs", params={"entity": "task"}))
    assert [(line["actor"], line["action"], line["entity_id"]) for line in lines] == [
        ("user", "created", task["id"])
    ]
    assert lines[0]["correlation_id"] == "chain-7"
    await client.post(f"/api/v1/tasks/{task['id']}/cancel")
    lines = await data(await client.get("/api/v1/audit-logs", params={"entity": "task"}))
    assert [line["action"] for line in lines] == ["cancelled", "created"]


async def test_a_list_tells_every_change_at_once(client: httpx.AsyncClient) -> None:
    listing = "/api/v1/tasks?limit=5&sort=-priority&fields=id,priority"
    assert await data(await client.get(listing)) == []
    first = await made(client, priority=1)
    for _ in range(2):
        assert await data(await client.get(listing)) == [{"id": first["id"], "priority": 1}]
    second = await made(client, priority=3)
    both = [{"id": second["id"], "priority": 3}, {"id": first["id"], "priority": 1}]
    assert await data(await client.get(listing)) == both
    await client.patch(f"/api/v1/tasks/{first['id']}", json={"priority": 9})
    assert [one["priority"] for one in await data(await client.get(listing))] == [9, 3]


async def test_a_kept_list_is_the_same_compressed_and_plain(client: httpx.AsyncClient) -> None:
    for number in range(30):
        await made(client, payload={"n": number, "text": "word " * 20})
    listing = "/api/v1/tasks?limit=20"
    first = await client.get(listing)
    again = await client.get(listing)
    plain = await client.get(listing, headers={"Accept-Encoding": "identity"})
    assert (first.headers["content-encoding"], again.headers["content-encoding"]) == ("gzip", "gzip")
    assert "content-encoding" not in plain.headers
    assert first.json()["data"] == again.json()["data"] == plain.json()["data"]
    assert len(again.json()["data"]) == 20
    assert again.json()["status"] == "success"
    assert again.json()["metadata"]["page"] == {"total": 30, "limit": 20, "offset": 0}
    ids = {answer.json()["metadata"]["request_id"] for answer in (first, again, plain)}
    assert len(ids) == 3, "each answer has the id of its own request"
    for answer in (first, again, plain):
        assert answer.headers["x-request-id"] == answer.json()["metadata"]["request_id"]


async def test_a_kept_list_needs_the_token_too(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/tasks")).status_code == 200
    refused = await client.get("/api/v1/tasks", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401
    assert (await client.head("/api/v1/tasks")).status_code == 405


async def test_a_kept_list_is_counted_under_its_route(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.get("/api/v1/tasks?limit=7")
    text = (await client.get("/metrics")).text
    assert 'sutazai_http_requests_total{method="GET",route="/api/v1/tasks",status="200"} 3.0' in text


async def test_many_who_ask_at_once_hear_the_same(client: httpx.AsyncClient, services: Services) -> None:
    await made(client)
    answers = await asyncio.gather(*(client.get("/api/v1/tasks?limit=9") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({str(answer.json()["data"]) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"),
        ("limit=1001", "query.limit"),
        ("offset=-1", "query.offset"),
        ("status=done", "query.status.0"),
        ("sort=nothing", "query.sort"),
        ("sort=payload", "query.sort"),
        ("since=yesterday", "query.since"),
        ("agent_id=7", "query.agent_id.0"),
        ("fields=secret", "query.fields.secret"),
    ],
)
async def test_what_cannot_be_listed_is_told(client: httpx.AsyncClient, query: str, field: str) -> None:
    await made(client)
    answer = await client.get(f"/api/v1/tasks?{query}")
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["error"]["details"]["fields"]] == [field]


async def test_lists_are_filtered_by_what_is_asked(client: httpx.AsyncClient) -> None:
    one, two = await made(client, type="a", priority=1), await made(client, type="b", priority=2)
    await made(client, type="c", priority=3, parent_id=one["id"])

    async def types(query: str) -> list[str]:
        return [task["type"] for task in await data(await client.get(f"/api/v1/tasks?{query}"))]

    assert await types("") == ["c", "b", "a"], "the newest first; at most 100"
    assert await types("type=a&type=b&sort=type") == ["a", "b"]
    assert await types(f"parent_id={one['id']}") == ["c"]
    assert await types("priority=2") == ["b"]
    assert await types("limit=1&offset=1") == ["b"]
    assert await types(f"until={two['created_at'].replace('+', '%2B')}") == ["a"]
    assert await types("status=cancelled") == []


async def test_a_task_for_nobody_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/tasks", json={"type": "t", "agent_id": str(uuid4())})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][0]["field"] == "body.agent_id"
    assert (await client.post("/api/v1/tasks", json={"type": ""})).status_code == 422
    assert (await client.post("/api/v1/tasks", json={"type": "t", "priority": 11})).status_code == 422
    assert (await client.get(f"/api/v1/tasks/{uuid4()}")).status_code == 404


async def test_an_agent_is_described_and_given_no_work(client: httpx.AsyncClient, services: Services) -> None:
    agent = await records(services).agents.register(AgentCreate(name="reader"), Actor("reader"))
    where = f"/api/v1/agents/{agent.id}"
    assert (await data(await client.get(where)))["enabled"] is True
    off = await data(await client.patch(where, json={"enabled": False, "description": "Reads."}))
    assert (off["enabled"], off["description"]) == (False, "Reads.")
    assert await data(await client.get(where)) == off
    assert await data(await client.get("/api/v1/agents?enabled=false")) == [off]
    assert await data(await client.get("/api/v1/agents?enabled=true")) == []
    (line,) = await data(await client.get("/api/v1/audit-logs?entity=agent&action=changed"))
    assert line["before"] == {"enabled": True, "description": ""}
    assert line["after"] == {"enabled": False, "description": "Reads."}


async def test_values_are_set_read_and_removed(client: httpx.AsyncClient) -> None:
    put = await data(await client.put("/api/v1/config/alerts.mail", json={"value": {"to": ["a@b"]}}))
    assert (put["key"], put["value"], put["version"]) == ("alerts.mail", {"to": ["a@b"]}, 1)
    assert await data(await client.get("/api/v1/config/alerts.mail")) == put
    stale = await client.put("/api/v1/config/alerts.mail", json={"value": 1, "version": 7})
    assert stale.status_code == 409
    newer = await data(await client.put("/api/v1/config/alerts.mail", json={"value": 1, "version": 1}))
    assert await data(await client.get("/api/v1/config/alerts.mail")) == newer
    assert await data(await client.get("/api/v1/config?fields=key,value")) == [
        {"key": "alerts.mail", "value": 1}
    ]
    assert await data(await client.delete("/api/v1/config/alerts.mail")) is None
    assert (await client.get("/api/v1/config/alerts.mail")).status_code == 404
    assert (await client.delete("/api/v1/config/alerts.mail")).status_code == 404
    assert await data(await client.get("/api/v1/config")) == []
