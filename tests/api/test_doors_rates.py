"""So many requests a minute: by key and route, refused in each door's form, with when to come back."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest
from door_stage import DoorModel, doors_open

from backend_embedded.contract.settings import LocalApi, SettingsPatch


async def test_beyond_the_limit_each_door_refuses_in_its_own_form(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        await stage.services.settings.change(SettingsPatch(rate_limit_per_minute=3))
        assert [(await stage.http.get("/api/tags")).status_code for _ in range(5)] == [200] * 3 + [429] * 2
        refused = await stage.http.get("/api/tags")
        assert list(refused.json()) == ["error"]
        assert "More than 3 requests a minute at /api/tags" in refused.json()["error"]
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert [(await stage.http.get("/v1/models")).status_code for _ in range(4)] == [200] * 3 + [429]
        other = await stage.http.get("/v1/models")
        error = other.json()["error"]
        assert (error["type"], error["code"], error["param"]) == ("requests", "rate_limit_exceeded", None)
        assert 1 <= int(other.headers["Retry-After"]) <= 60
        with pytest.raises(openai.RateLimitError):
            await stage.openai.models.list()
        assert (await stage.http.get("/api/version")).status_code == 200, "each route is counted by itself"


async def test_what_is_in_a_path_makes_no_other_route(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        await stage.services.settings.change(SettingsPatch(rate_limit_per_minute=2))
        found = [(await stage.http.get(f"/v1/models/{name}")).status_code for name in ("script", "a", "b")]
        assert found == [200, 404, 429]


async def test_only_requests_that_were_let_in_are_counted_and_only_at_the_doors(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        await stage.services.settings.change(SettingsPatch(rate_limit_per_minute=1))
        for _ in range(3):
            assert (await stage.http.get("/api/tags", headers={"Authorization": "x"})).status_code == 401
            assert (await stage.own.get("/api/v1/status")).status_code == 200
            assert (await stage.http.get("/api/nothing")).status_code == 404
        assert (await stage.http.get("/api/tags")).status_code == 200
        assert (await stage.http.get("/api/tags")).status_code == 429
        metrics = (await stage.own.get("/metrics")).text
        assert 'sutazai_rate_limited_total{endpoint="/api/tags"} 1.0' in metrics
        assert 'sutazai_capability_state{name="cache",provider="embedded"} 2.0' in metrics


async def test_without_a_key_all_share_one_limit_and_the_setting_may_change(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(), LocalApi.OPEN) as stage:
        assert [(await stage.http.get("/")).status_code for _ in range(3)] == [200] * 3, "none as delivered"
        await stage.services.settings.change(SettingsPatch(rate_limit_per_minute=1))
        bare = {"Authorization": ""}
        assert [(await stage.http.get("/", headers=bare)).status_code for _ in range(2)] == [200, 429]
        for made_up in ("Bearer one", "Bearer other", "other"):
            answer = await stage.http.get("/", headers={"Authorization": made_up})
            assert answer.status_code == 429, "a key that is none makes no other caller"
        await stage.services.settings.change(SettingsPatch(rate_limit_per_minute=0))
        assert (await stage.http.get("/", headers=bare)).status_code == 200


async def test_the_cache_is_told_among_the_capabilities(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        told = (await stage.own.get("/api/v1/status")).json()["data"]["capabilities"]
        (cache,) = [one for one in told if one["name"] == "cache"]
        assert (cache["state"], cache["provider"], cache["product"]) == ("ok", "embedded", "in-process cache")
        assert cache["holds"] == "0 values, 0.0 kB"


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1:6379", "redis:", "redis://", "redis://127.0.0.1:99999", "redis://127.0.0.1:x"),
        *(
            "redis://127.0.0.1:0",
            "unix://",
            "redis",
            "redis://[::1",
            "amqp://localhost",
            "redis://localhost?decode_responses=1",
        ),
    ],
)
async def test_an_address_that_makes_no_sense_is_refused_with_its_field(tmp_path: Path, address: str) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        answer = await stage.own.patch("/api/v1/settings", json={"cache": address})
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error["details"]["fields"][0]["field"] == "cache"
        assert "redis://127.0.0.1:6379" in error["message"]
        assert stage.services.settings.current.cache == "auto"


@pytest.mark.parametrize(
    "address",
    [
        *("auto", "embedded", "redis://localhost", "redis://:secret@127.0.0.1:10001/2", "redis://[::1]:6379"),
        *("rediss://cache.example:6380", "unix:///run/redis/redis.sock"),
    ],
)
async def test_addresses_of_every_kind_are_taken(tmp_path: Path, address: str) -> None:
    async with doors_open(tmp_path, DoorModel()) as stage:
        answer = await stage.own.patch("/api/v1/settings", json={"cache": address})
        assert answer.json()["data"]["cache"] == address.replace("secret", "***")
