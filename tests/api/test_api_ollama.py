"""The routes of the Ollama server, over a scripted one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from scripted_ollama import ScriptedOllama, scripted_ollama
from served_backend import ScriptedModel, opened, served

from backend_embedded.contract.settings import BackendSettings
from backend_embedded.llm.ollama.server import OllamaServer

ROUTE = "/api/v1/ollama"


@dataclass(frozen=True)
class Stage:
    client: httpx.AsyncClient
    there: ScriptedOllama
    server: OllamaServer


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(scripted_ollama(models=["smol:latest", "big:7b"]))
        settings = BackendSettings(ollama_url=there.url)
        server = OllamaServer(lambda: settings, lambda: None)
        await stack.enter_async_context(server)
        await server.look()
        services = await stack.enter_async_context(opened(tmp_path, ScriptedModel()))
        client = await stack.enter_async_context(served(replace(services, ollama=server)))
        yield Stage(client, there, server)


async def pulled(client: httpx.AsyncClient, name: str) -> list[dict[str, Any]]:
    async with client.stream("POST", f"{ROUTE}/pull", json={"name": name}) as response:
        assert response.status_code == 200, await response.aread()
        return [json.loads(line[6:]) async for line in response.aiter_lines() if line.startswith("data: ")]


async def test_it_says_whether_there_is_one_and_what_it_has_loaded(stage: Stage) -> None:
    stage.there.loaded = {"smol:latest"}
    await stage.server.look()
    told = (await stage.client.get(ROUTE)).json()["data"]
    assert (told["state"], told["url"], told["models"]) == ("ready", stage.there.url, 2)
    assert told["version"] == "0.0.1-scripted"
    assert [one["name"] for one in told["running"]] == ["smol"]
    await stage.there.stop()
    await stage.server.look()
    gone = (await stage.client.get(ROUTE)).json()["data"]
    assert gone["state"] == "absent"
    assert gone["reason"]


async def test_a_pull_tells_its_progress_and_its_end(stage: Stage) -> None:
    stage.there.pull_lines = [
        {"status": "pulling manifest"},
        {"status": "pulling 2af3b81862c6", "digest": "sha256:2af3", "total": 100, "completed": 40},
        {"status": "pulling 2af3b81862c6", "digest": "sha256:2af3", "total": 100, "completed": 100},
        {"status": "success"},
    ]
    events = await pulled(stage.client, "tinyllama")
    assert [event["kind"] for event in events] == ["progress"] * len(events)
    assert (events[1]["completed_bytes"], events[1]["total_bytes"]) == (40, 100)
    assert [event["done"] for event in events] == [False] * (len(events) - 1) + [True]
    assert stage.there.bodies("/api/pull")[0]["model"] == "tinyllama"


async def test_a_pull_that_fails_under_way_says_why(stage: Stage) -> None:
    stage.there.pull_lines = [
        {"status": "pulling manifest"},
        {"error": "pull model manifest: file does not exist"},
    ]
    events = await pulled(stage.client, "nosuch")
    assert events[-1]["kind"] == "failed"
    assert events[-1]["error"]["message"] == "There is no model named nosuch to fetch."


async def test_a_model_is_shown_and_removed(stage: Stage) -> None:
    shown = (await stage.client.get(f"{ROUTE}/models/smol:latest")).json()["data"]
    assert shown["model_info"]["general.architecture"] == "llama"
    told = (await stage.client.delete(f"{ROUTE}/models/smol:latest")).json()["data"]
    assert told["models"] == 1
    assert stage.there.models == ["big:7b"]
    missing = await stage.client.delete(f"{ROUTE}/models/smol:latest")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "MODEL_NOT_FOUND"


async def test_without_a_server_each_route_says_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path, ScriptedModel()) as services, served(services) as client:
        assert (await client.get(ROUTE)).json()["data"]["state"] == "off"
        refused = await client.post(f"{ROUTE}/pull", json={"name": "tinyllama"})
        assert refused.status_code == 503
        assert refused.json()["error"]["remedy"] == "Choose it in the settings."
