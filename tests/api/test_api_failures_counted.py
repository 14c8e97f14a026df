"""Each error is logged, counted by its code, and told; circuits and further tries are in the metrics."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from served_backend import ScriptedModel, opened, served

from backend_embedded.resilience.breaker import BreakerState, CircuitBreaker


async def test_an_error_is_logged_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(tmp_path, ScriptedModel()) as services, served(services) as client:
        with caplog.at_level(logging.INFO, logger="backend_embedded.api.app"):
            for _ in range(2):
                told = await client.get("/api/v1/conversations/00000000-0000-0000-0000-000000000000")
        assert told.json()["error"]["code"] == "NOT_FOUND"
        assert sum(line.startswith("NOT_FOUND: ") for line in caplog.messages) == 2
        assert (await client.post("/api/v1/chat", json={"content": ""})).status_code == 422
        metrics = (await client.get("/metrics")).text
        assert 'sutazai_errors_total{code="NOT_FOUND"} 2.0' in metrics
        assert 'sutazai_errors_total{code="INVALID_INPUT"} 1.0' in metrics


async def test_circuits_and_further_tries_are_in_the_metrics(tmp_path: Path) -> None:
    breaker = CircuitBreaker()
    async with opened(tmp_path, ScriptedModel()) as services, served(services) as client:
        services.metrics.resilience.watch_breaker("ollama", lambda: breaker.state.value)
        services.metrics.resilience.retried("database", "DEADLOCK_DETECTED")
        assert 'sutazai_breaker_state{service="ollama"} 0.0' in (await client.get("/metrics")).text
        for _ in range(5):
            call = breaker.admit()
            assert call is not None
            call.failed()
        assert breaker.state is BreakerState.OPEN
        metrics = (await client.get("/metrics")).text
        assert 'sutazai_breaker_state{service="ollama"} 2.0' in metrics
        assert 'sutazai_retries_total{policy="database",reason="DEADLOCK_DETECTED"} 1.0' in metrics
        figures = (await client.get("/api/v1/status")).json()["data"]["figures"]
        assert figures["retries"] == 1
        assert figures["requests"] >= 2
        assert figures["breakers"] == {"ollama": "open"}


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE messages; --", '" OR 1=1 --', "%' UNION SELECT sql FROM sqlite_master --", "a\0b"]
)
async def test_no_text_becomes_a_part_of_a_statement(tmp_path: Path, text: str) -> None:
    """The specification's `sanitize_sql` is no protection; bound parameters are, in every field."""
    async with opened(tmp_path, ScriptedModel()) as services, served(services) as client:
        kept = (await client.post("/api/v1/conversations", json={"title": "kept"})).json()["data"]["id"]
        made = (await client.post("/api/v1/conversations", json={"title": text})).json()["data"]
        assert made["title"] == text
        patch = {"folder": text[:60], "tags": [text[:30]], "draft": text}
        changed = (await client.patch(f"/api/v1/conversations/{made['id']}", json=patch)).json()["data"]
        assert (changed["folder"], changed["draft"]) == (text[:60].strip(), text)
        for query in ({"q": text}, {"q": text, "limit": "5"}):
            assert (await client.get("/api/v1/search", params=query)).status_code == 200
        for path in ("conversations", "tasks", "audit-logs", "agents"):
            for parameter in ("status", "type", "actor", "entity_id", "sort", "fields"):
                answer = await client.get(f"/api/v1/{path}", params={parameter: text})
                assert answer.status_code in (200, 422), (path, parameter, answer.text)
        await client.post("/api/v1/presets", json={"name": text, "system": text})
        found = (await client.get("/api/v1/conversations")).json()["data"]
        assert {one["id"] for one in found} == {kept, made["id"]}
