"""Who is let in at the doors: modes, keys, and pages of other origins."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import openai
import pytest
from door_stage import DoorModel, doors_open
from served_backend import TOKEN

from backend_embedded.contract.settings import LocalApi, SettingsPatch

DOOR_PATHS = ("/api/tags", "/v1/models")


def bare(url: httpx.URL) -> httpx.AsyncClient:
    """A client that sends nothing of its own."""
    return httpx.AsyncClient(base_url=url, trust_env=False, verify=False)


async def test_without_the_key_each_door_refuses_in_its_own_form(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage, bare(stage.own.base_url) as client:
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer é".encode()}):
            answer = await client.get("/api/tags", headers=headers)
            assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})
            other = await client.get("/v1/models", headers=headers)
            assert other.status_code == 401
            error = other.json()["error"]
            assert set(error) == {"message", "type", "param", "code"}
            assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
        assert (await client.get("/")).text == "Ollama is running"
        assert (await client.head("/")).status_code == 200
        wrong = openai.AsyncOpenAI(base_url=f"{client.base_url}/v1", api_key="x", http_client=client)
        wrong._platform = "Linux"
        with pytest.raises(openai.AuthenticationError):
            await wrong.models.list()


async def test_the_key_opens_nothing_else(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        for path in DOOR_PATHS:
            assert (await stage.http.get(path)).status_code == 200
        for path in ("/api/v1/status", "/api/v1/local-api", "/metrics", "/api/v1"):
            assert (await stage.http.get(path)).status_code == 401


async def test_an_open_door_asks_for_no_key_but_for_the_names(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(), LocalApi.OPEN) as stage, bare(stage.own.base_url) as client:
        for path in (*DOOR_PATHS, "/"):
            assert (await client.get(path)).status_code == 200
            for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
                answer = await client.get(path, headers=headers)
                assert answer.status_code == 403
                assert "error" in answer.json()
            own = {"Origin": str(client.base_url).rstrip("/")}
            assert (await client.get(path, headers=own)).status_code == 200
        assert (await client.get("/api/v1/status")).status_code == 401


async def test_a_closed_door_says_so(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(), LocalApi.OFF) as stage:
        for path in (*DOOR_PATHS, "/"):
            answer = await stage.http.get(path)
            assert answer.status_code == 403
            assert "The local API is off" in json.dumps(answer.json())
        info = (await stage.own.get("/api/v1/local-api")).json()["data"]
        assert (info["mode"], info["url"], info["ollama_url"]) == ("off", "", "")
        await stage.services.settings.change(SettingsPatch(local_api=LocalApi.OPEN))
        assert (await stage.http.get("/api/tags")).status_code == 200


async def test_one_run_can_have_its_own_mode(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(), LocalApi.OFF, LocalApi.OPEN) as stage:
        assert (await stage.http.get("/api/tags")).status_code == 200
        assert (await stage.own.get("/api/v1/local-api")).json()["data"]["mode"] == "open"


async def test_the_key_is_kept_until_a_new_one_is_made(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        file = tmp_path / "config" / "local-api-key"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().strip() == stage.key
        info = (await stage.own.post("/api/v1/local-api/key")).json()["data"]
        assert info["key"] != stage.key
        assert info["url"] == info["ollama_url"] == str(stage.own.base_url).rstrip("/")
        assert (await stage.http.get("/api/tags")).status_code == 401
    async with doors_open(tmp_path, DoorModel()) as again:
        assert again.key == info["key"]


async def test_what_is_not_there_is_refused_in_the_doors_form(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        nothing = await stage.http.get("/api/nothing")
        assert (nothing.status_code, set(nothing.json())) == (404, {"error"})
        other = await stage.http.post("/v1/audio/speech", json={})
        assert (other.status_code, other.json()["error"]["type"]) == (404, "not_found_error")
        assert (await stage.http.get("/api/chat")).status_code == 405
