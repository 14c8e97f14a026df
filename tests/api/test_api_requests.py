"""What holds for every request: ids, token, names, limits, envelope, problems, paging, fields."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from served_backend import AUTHORIZED, ScriptedModel, opened, served

from backend_embedded.api.limits import LARGEST_BODY_BYTES, TimeLimits
from backend_embedded.contract.conversations import ConversationCreate
from backend_embedded.services import Services


@pytest_asyncio.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with opened(tmp_path, ScriptedModel()) as these:
        yield these


@pytest_asyncio.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with served(services) as this:
        yield this


async def test_health_is_open_and_all_else_needs_the_token(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/metrics", "/api/v1/status", "/openapi.json", "/nowhere", "/api/v1/events"):
        bare = await client.get(path, headers={"Authorization": ""})
        assert bare.status_code == (200 if path == "/health" else 401), path
    for wrong in ("Bearer wrong", "Basic x", "Bearer", "Bearer " + "é" * 3):
        answer = await client.get("/api/v1/status", headers={"Authorization": wrong.encode()})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "UNAUTHORIZED"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_only_this_machines_names_are_answered(client: httpx.AsyncClient) -> None:
    port = client.base_url.port
    for host in (f"evil.test:{port}", "127.0.0.1:1", "127.0.0.1", f"127.0.0.1.evil.test:{port}", ""):
        for path in ("/health", "/api/v1/status"):
            answer = await client.get(path, headers={"Host": host})
            assert answer.status_code in (400, 403), host
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert (await client.get("/health", headers={"Host": host})).status_code == 200


async def test_pages_of_other_origins_are_kept_out(client: httpx.AsyncClient) -> None:
    port = client.base_url.port
    for origin in ("http://evil.test", "null", f"https://127.0.0.1:{port}", "http://127.0.0.1:1", ""):
        answer = await client.get("/health", headers={"Origin": origin})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN"), origin
    preflight = await client.options("/api/v1/chat", headers={"Origin": "http://evil.test"})
    assert preflight.status_code == 403
    assert "access-control-allow-origin" not in preflight.headers
    own = await client.get("/health", headers={"Origin": f"http://127.0.0.1:{port}"})
    assert own.status_code == 200


async def test_ids_are_taken_made_and_given_back(client: httpx.AsyncClient) -> None:
    given = {"X-Request-ID": "r-1", "X-Correlation-ID": str(uuid4())}
    answer = await client.get("/nowhere", headers=given)
    assert answer.headers["X-Request-ID"] == "r-1"
    assert answer.headers["X-Correlation-ID"] == given["X-Correlation-ID"]
    body = answer.json()
    assert body["error"]["trace_id"] == given["X-Correlation-ID"]
    assert body["metadata"]["request_id"] == "r-1"
    made = await client.get("/health", headers={"X-Request-ID": "no spaces allowed"})
    assert made.headers["X-Request-ID"] != "no spaces allowed"
    assert made.headers["X-Correlation-ID"] == made.headers["X-Request-ID"]
    assert made.json()["metadata"]["request_id"] == made.headers["X-Request-ID"]


async def test_a_body_over_the_limit_is_refused_declared_or_not(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    for content in (b" " * (LARGEST_BODY_BYTES + 1), pieces()):
        try:
            answer = await client.post("/api/v1/chat", content=content)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            continue  # the server answered and closed while the rest was being sent
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_LARGE")


async def test_the_request_envelope_is_unwrapped(client: httpx.AsyncClient) -> None:
    wrapped = {"action": "create", "params": {"title": "By envelope"}, "metadata": {"version": "1.0"}}
    answer = await client.post("/api/v1/conversations", json=wrapped)
    assert (answer.status_code, answer.json()["data"]["title"]) == (201, "By envelope")
    plain = await client.post("/api/v1/conversations", json={"title": '"action" and "params"'})
    assert plain.json()["data"]["title"] == '"action" and "params"'


async def test_the_answer_has_the_envelope(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/v1/status")).json()
    assert body["status"] == "success"
    assert {"request_id", "processing_time_ms", "timestamp"} <= body["metadata"].keys()
    names = [capability["name"] for capability in body["data"]["capabilities"]]
    assert names == ["model", "store", "events", "cache"]


async def test_a_bad_body_says_which_field_and_why_in_both_forms(client: httpx.AsyncClient) -> None:
    bad = {"prompt": "x", "options": {"top_p": 7}}
    envelope = await client.post("/api/v1/generate", json=bad)
    assert envelope.status_code == 422
    (field,) = envelope.json()["error"]["details"]["fields"]
    assert field["field"] == "body.options.top_p"
    assert "less than or equal to 1" in field["problem"]
    problem = await client.post("/api/v1/generate", json=bad, headers={"Accept": "application/problem+json"})
    assert problem.headers["content-type"] == "application/problem+json"
    said = problem.json()
    assert (said["status"], said["title"], said["instance"]) == (
        422,
        "Unprocessable Entity",
        "/api/v1/generate",
    )
    assert said["details"]["fields"] == [field]
    assert said["detail"] == envelope.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b"\xff\xfe", b"null", b'{"action":1,"params":'])
async def test_a_broken_body_is_the_callers_mistake(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/api/v1/chat", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_INPUT")


async def test_unknown_paths_and_methods(client: httpx.AsyncClient) -> None:
    nowhere = await client.get("/api/v1/nowhere")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "NOT_FOUND")
    method = await client.put("/api/v1/status")
    assert (method.status_code, method.headers["Allow"]) == (405, "GET")
    problem = await client.get("/nowhere", headers={"Accept": "application/problem+json"})
    assert (problem.json()["status"], problem.json()["code"]) == (404, "NOT_FOUND")


async def test_lists_are_paged_and_fields_chosen(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await client.post("/api/v1/conversations", json={"title": f"c{number}"})
    page = (
        await client.get("/api/v1/conversations", params={"limit": 2, "offset": 1, "fields": "title"})
    ).json()
    assert page["data"] == [{"title": "c3"}, {"title": "c2"}]
    assert page["metadata"]["page"] == {"total": 5, "limit": 2, "offset": 1}
    default = (await client.get("/api/v1/conversations")).json()
    assert default["metadata"]["page"]["limit"] == 100
    for bad in ({"limit": 1001}, {"limit": 0}, {"offset": -1}, {"fields": "title,secret"}):
        assert (await client.get("/api/v1/conversations", params=bad)).status_code == 422, bad
    one = (await client.get("/api/v1/status", params={"fields": "state"})).json()
    assert one["data"] == {"state": "ok"}


async def test_large_answers_are_zipped(client: httpx.AsyncClient) -> None:
    large = await client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert large.headers["content-encoding"] == "gzip"
    small = await client.get("/health", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


async def test_the_description_is_real(client: httpx.AsyncClient) -> None:
    spec = (await client.get("/openapi.json")).json()
    for path, methods in spec["paths"].items():
        for method, route in methods.items():
            assert route.get("description"), (method, path)
    chat = spec["paths"]["/api/v1/chat"]["post"]["responses"]["200"]["content"]
    assert "event: text" in chat["text/event-stream"]["example"]
    settings = spec["components"]["schemas"]["BackendSettings"]["properties"]
    assert settings["threads"]["description"] == "Threads that decode; 0: one for each physical core."


async def test_metrics_count_by_route_template(client: httpx.AsyncClient, services: Services) -> None:
    chat = await services.store.create(ConversationCreate(title="T"))
    await client.get(f"/api/v1/conversations/{chat.id}")
    await client.post("/api/v1/generate", json={"prompt": "x", "stream": False})
    text = (await client.get("/metrics")).text
    for line in (
        'route="/api/v1/conversations/{conversation_id}",status="200"} 1.0',
        'sutazai_tokens_total{kind="completion",model="script"} 5.0',
        'sutazai_generations_total{outcome="stop"} 1.0',
        'sutazai_capability_state{name="model",provider="scripted"} 2.0',
        "sutazai_event_subscribers 0.0",
        "sutazai_queue_length 0.0",
        "sutazai_generations_active 0.0",
    ):
        assert line in text
    for name in (
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "sutazai_first_token_seconds_bucket",
    ):
        assert name in text


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    model = ScriptedModel(hold_after=1)
    limits = TimeLimits(health_s=0.5, standard_s=0.5, processing_s=0.5)
    async with opened(tmp_path, model) as services, served(services, limits) as client:
        answer = await client.post("/api/v1/generate", json={"prompt": "x", "stream": False})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "TIMED_OUT")
        await asyncio.wait_for(model.closed.wait(), 10)
        model.go.set()
        model.hold_after = None
        async with client.stream("POST", "/api/v1/generate", json={"prompt": "x"}) as stream:
            assert "event: finished" in (await stream.aread()).decode()


@pytest.mark.allow_logs("nobody expected")
async def test_a_failure_that_nobody_expected_keeps_the_envelope(tmp_path: Path) -> None:
    class Broken(ScriptedModel):
        async def count_tokens(self, prompt: object) -> int:
            raise RuntimeError("secret detail")

    async with opened(tmp_path, Broken()) as services, served(services) as client:
        answer = await client.post("/api/v1/tokens", json={"prompt": "x"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL")
        assert "secret detail" not in answer.text
        assert answer.headers["X-Request-ID"]


async def test_settings_are_checked_kept_and_told(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    missing = await client.patch("/api/v1/settings", json={"models_folder": str(tmp_path / "none")})
    assert (missing.status_code, missing.json()["error"]["code"]) == (422, "INVALID_INPUT")
    assert (await client.patch("/api/v1/settings", json={"context_size": 1})).status_code == 422
    events = services.events.subscribe()
    await anext(events)
    changed = await client.patch("/api/v1/settings", json={"threads": 3, "models_folder": str(tmp_path)})
    assert changed.json()["data"]["threads"] == 3
    _, event = await anext(events)
    assert event.kind == "settings_changed"
    await events.aclose()
    assert json.loads((tmp_path / "config" / "backend.json").read_text())["threads"] == 3
    assert (await client.get("/api/v1/settings")).json()["data"]["threads"] == 3


async def test_models_and_engine(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/models")).json()["data"][0]["name"] == "script"
    assert (await client.post("/api/v1/models/script/load")).json()["data"][0]["loaded"] is True
    assert (await client.post("/api/v1/models/script/unload")).json()["data"][0]["loaded"] is False
    assert (await client.post("/api/v1/models/none/load")).status_code == 404
    assert (await client.get("/api/v1/engine")).json()["data"]["state"] == "ready"
    building = await client.post("/api/v1/engine/build")
    assert (building.status_code, building.json()["data"]["state"]) == (202, "building")
    assert (await client.post("/api/v1/engine/cancel")).json()["data"]["state"] == "missing"


async def test_tokens_and_embeddings(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/tokens", json={"prompt": "a b c"})).json()["data"] == {"tokens": 3}
    both = {"prompt": "a", "turns": [{"role": "user", "content": "b"}]}
    assert (await client.post("/api/v1/tokens", json=both)).status_code == 422
    found = (await client.post("/api/v1/embeddings", json={"texts": ["a", "b"]})).json()["data"]
    assert found == {"model": "script", "vectors": [[1.0, 0.0], [1.0, 0.0]], "prompt_tokens": 2}


async def test_the_token_of_another_run_is_refused(services: Services) -> None:
    async with served(replace(services)) as client:
        answer = await client.get(
            "/api/v1/status", headers={"Authorization": AUTHORIZED["Authorization"] + "x"}
        )
        assert answer.status_code == 401
