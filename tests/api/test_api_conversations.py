"""Chat and conversations over HTTP: what is stored, streamed, stopped, failed and told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from own_time import soon
from served_backend import ScriptedModel, opened, served, until

from backend_embedded.api import streams
from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.errors import EngineCrashed
from backend_embedded.services import Services


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest_asyncio.fixture
async def services(tmp_path: Path, model: ScriptedModel) -> AsyncIterator[Services]:
    async with opened(tmp_path, model) as these:
        yield these


@pytest_asyncio.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with served(services) as this:
        yield this


async def events_of(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def chat(client: httpx.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    async with client.stream("POST", "/api/v1/chat", json=body) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
        return [event async for event in events_of(response)]


async def messages(client: httpx.AsyncClient, conversation: str, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/v1/conversations/{conversation}/messages", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_a_question_is_stored_and_answered(client: httpx.AsyncClient, model: ScriptedModel) -> None:
    events = await chat(client, content="Why is it so?\nTell me.", system="Be brief.")
    assert [event["kind"] for event in events] == ["started", *["text"] * 5, "finished"]
    started, finished = events[0], events[-1]
    assert started["conversation"]["title"] == "Why is it so?"
    assert started["conversation"]["writing"] is True
    answer = finished["answer"]
    assert (answer["text"], answer["status"]) == ("Hello from the script.", "complete")
    assert answer["stats"]["completion_tokens"] == 5
    assert [turn.role for turn in model.prompts[0].turns] == ["system", "user"]
    stored = await messages(client, started["conversation"]["id"])
    assert [message["text"] for message in stored] == ["Why is it so?\nTell me.", "Hello from the script."]
    again = await chat(client, content="And?", conversation_id=started["conversation"]["id"])
    assert again[0]["user_message"]["parent_id"] == answer["id"]
    assert [turn.content for turn in model.prompts[1].turns][1] == "Hello from the script."


async def test_text_is_stored_before_it_is_sent(
    client: httpx.AsyncClient, model: ScriptedModel, services: Services
) -> None:
    model.hold_after = 3
    async with client.stream("POST", "/api/v1/chat", json={"content": "x"}) as response:
        events = events_of(response)
        started = await anext(events)
        heard = "".join([(await anext(events))["text"] for _ in range(3)])
        stored = await services.store.message(UUID(started["answer"]["id"]))
        assert (stored.text, stored.status) == (heard, MessageStatus.WRITING)
        model.go.set()
        assert [event["kind"] async for event in events][-1] == "finished"


async def test_a_client_that_goes_away_stops_the_engine(
    client: httpx.AsyncClient, model: ScriptedModel, services: Services
) -> None:
    model.hold_after = 2
    async with client.stream("POST", "/api/v1/chat", json={"content": "x"}) as response:
        events = events_of(response)
        started = await anext(events)
        await model.waited.wait()
    await soon(model.closed.wait(), 0.3)
    chat_id = started["conversation"]["id"]

    async with aclosing(services.events.subscribe()) as told:
        await anext(told)
        stored = await services.store.conversation(UUID(chat_id))
        if stored.writing:
            _, event = await anext(told)
            assert event.kind == "conversation_changed"
    answer = (await messages(client, chat_id))[-1]
    assert (answer["status"], answer["text"], answer["error"]) == ("stopped", "Hello from", None)
    assert answer["stats"]["finish_reason"] == "cancelled"
    assert answer["stats"]["completion_tokens"] == 2


async def test_generate_without_a_stream_stops_too(client: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.hold_after = 0
    asking = asyncio.create_task(client.post("/api/v1/generate", json={"prompt": "x", "stream": False}))
    await model.waited.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await soon(model.closed.wait(), 0.3)


async def test_a_client_that_leaves_before_the_first_token_stops_the_engine(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.hold_after = 0

    async def ask() -> None:
        async with client.stream("POST", "/api/v1/generate", json={"prompt": "x"}) as response:
            await response.aread()

    asking = asyncio.create_task(ask())
    await model.waited.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await soon(model.closed.wait(), 0.3)


async def test_an_answer_that_is_cut_off_keeps_what_came_and_goes_on(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.fail_after = 2
    model.failure = EngineCrashed("The model runner was killed.", remedy="Continue.", signal=9)
    events = await chat(client, content="x")
    failed = events[-1]
    assert (failed["kind"], failed["error"]["code"]) == ("failed", "ENGINE_CRASHED")
    assert (failed["error"]["remedy"], failed["error"]["details"]) == ("Continue.", {"signal": 9})
    assert failed["error"]["trace_id"]
    answer = failed["answer"]
    assert (answer["status"], answer["text"]) == ("incomplete", "Hello from")
    model.fail_after = None
    model.words = (" on", ".")
    events = await chat(client, continue_message=answer["id"])
    assert events[0]["user_message"] is None
    assert events[0]["answer"]["text"] == "Hello from"
    done = events[-1]["answer"]
    assert (done["id"], done["text"], done["status"]) == (answer["id"], "Hello from on.", "complete")
    assert done["error"] is None
    prompt = model.prompts[-1]
    assert prompt.continue_last
    assert prompt.turns[-1].content == "Hello from"


async def test_continuing_an_empty_answer_asks_anew(client: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.fail_after = 0
    failed = (await chat(client, content="x"))[-1]
    model.fail_after = None
    await chat(client, continue_message=failed["answer"]["id"])
    assert not model.prompts[-1].continue_last
    assert [turn.role for turn in model.prompts[-1].turns] == ["user"]


async def test_one_more_answer_is_a_sibling(client: httpx.AsyncClient) -> None:
    first = await chat(client, content="x")
    question = first[0]["user_message"]["id"]
    second = await chat(client, answer_to=question)
    assert second[-1]["answer"]["siblings"] == [first[-1]["answer"]["id"], second[-1]["answer"]["id"]]
    conversation = first[0]["conversation"]["id"]
    assert len(await messages(client, conversation)) == 2
    branch = await messages(client, conversation, leaf=first[-1]["answer"]["id"])
    assert branch[-1]["id"] == first[-1]["answer"]["id"]


async def test_two_answers_at_once_in_different_branches(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    first = await chat(client, content="x")
    question = first[0]["user_message"]["id"]
    model.hold_after = 1
    one = asyncio.create_task(chat(client, answer_to=question))
    two = asyncio.create_task(chat(client, answer_to=question))
    await until("both answers are being written", lambda: len(model.prompts) == 3)
    model.go.set()
    assert {events[-1]["kind"] for events in await asyncio.gather(one, two)} == {"finished"}


async def test_what_is_written_is_not_continued_nor_built_on(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.hold_after = 1
    async with client.stream("POST", "/api/v1/chat", json={"content": "x"}) as response:
        events = events_of(response)
        started = await anext(events)
        for body in (
            {"continue_message": started["answer"]["id"]},
            {"content": "y", "conversation_id": started["conversation"]["id"]},
        ):
            answer = await client.post("/api/v1/chat", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
        purge = await client.delete(
            f"/api/v1/conversations/{started['conversation']['id']}", params={"purge": True}
        )
        assert purge.status_code == 409


async def test_exactly_one_thing_is_asked(client: httpx.AsyncClient) -> None:
    nothing = "00000000-0000-0000-0000-000000000000"
    for body in ({}, {"content": "x", "answer_to": nothing}):
        assert (await client.post("/api/v1/chat", json=body)).status_code == 422
    for body in (
        {"answer_to": nothing},
        {"continue_message": nothing},
        {"content": "x", "parent_id": nothing},
    ):
        assert (await client.post("/api/v1/chat", json=body)).status_code == 404 or "parent_id" in body


async def test_without_a_stream_one_answer_comes(client: httpx.AsyncClient, model: ScriptedModel) -> None:
    answer = (await client.post("/api/v1/chat", json={"content": "x", "stream": False})).json()
    assert answer["data"]["answer"]["text"] == "Hello from the script."
    generated = (await client.post("/api/v1/generate", json={"prompt": "x", "stream": False})).json()
    assert generated["data"]["text"] == "Hello from the script."
    model.fail_after = 1
    failed = await client.post("/api/v1/chat", json={"content": "x", "stream": False})
    assert (failed.status_code, failed.json()["error"]["code"]) == (404, "MODEL_NOT_FOUND")


async def test_generate_fails_with_a_status_before_and_an_event_after_its_first_token(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.fail_after = 0
    before = await client.post("/api/v1/generate", json={"prompt": "x"})
    assert (before.status_code, before.json()["error"]["code"]) == (404, "MODEL_NOT_FOUND")
    model.fail_after = 1
    after = await client.post("/api/v1/generate", json={"prompt": "x"})
    assert after.status_code == 200
    assert "event: failed" in after.text


async def test_the_bin_the_restore_and_the_purge(client: httpx.AsyncClient) -> None:
    conversation = (await chat(client, content="a needle"))[0]["conversation"]["id"]
    address = f"/api/v1/conversations/{conversation}"
    assert (await client.delete(address)).json()["data"]["deleted_at"]
    assert (await client.get("/api/v1/conversations")).json()["data"] == []
    assert len((await client.get("/api/v1/conversations", params={"deleted": True})).json()["data"]) == 1
    assert (await client.patch(address, json={"restore": True})).json()["data"]["deleted_at"] is None
    hits = (await client.get("/api/v1/search", params={"q": "need"})).json()["data"]
    assert hits[0]["snippet"] == "a \x02needle\x03"
    renamed = await client.patch(address, json={"title": "Named", "draft": "half"})
    assert (renamed.json()["data"]["title"], renamed.json()["data"]["draft"]) == ("Named", "half")
    assert (await client.delete(address, params={"purge": True})).json()["data"] is None
    assert (await client.get(address)).status_code == 404


async def test_events_tell_of_a_chat_and_are_resumed(client: httpx.AsyncClient) -> None:
    ids: list[str] = []
    seen: list[dict[str, Any]] = []
    async with client.stream("GET", "/api/v1/events") as response:
        lines = response.aiter_lines()

        async def read(count: int) -> None:
            while len(seen) < count:
                line = await anext(lines)
                if line.startswith("id: "):
                    ids.append(line.removeprefix("id: "))
                elif line.startswith("data: "):
                    seen.append(json.loads(line.removeprefix("data: ")))

        await read(1)
        assert seen[0]["kind"] == "snapshot"
        await chat(client, content="x")
        await read(3)
    assert [event["kind"] for event in seen[1:]] == ["conversation_changed"] * 2
    assert [event["conversation"]["writing"] for event in seen[1:]] == [True, False]
    async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": ids[1]}) as response:
        first = [line async for line in one_event(response)]
    assert first[0] == f"id: {ids[2]}"
    assert first[1] == "event: conversation_changed"


async def one_event(response: httpx.Response) -> AsyncIterator[str]:
    async for line in response.aiter_lines():
        if not line:
            break
        yield line


async def test_a_silent_stream_is_kept_alive(
    client: httpx.AsyncClient, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams.EventStreamResponse.__init__, "__defaults__", (0.02, streams.HEADERS))
    model.hold_after = 1
    async with client.stream("POST", "/api/v1/generate", json={"prompt": "x"}) as response:
        async for line in response.aiter_lines():
            if line == ":":
                model.go.set()
        assert model.go.is_set()


async def test_leaving_ends_streams_and_keeps_what_came(tmp_path: Path) -> None:
    model = ScriptedModel(hold_after=2)
    async with opened(tmp_path, model) as services:
        async with (
            served(services) as client,
            client.stream("POST", "/api/v1/chat", json={"content": "x"}) as response,
        ):
            events = events_of(response)
            started = await anext(events)
            await model.waited.wait()
            services.leaving.set()
            rest = [event["kind"] async for event in events]
        assert rest == ["text", "text"]
        answer = await services.store.message(UUID(started["answer"]["id"]))
        assert (answer.status, answer.text) == (MessageStatus.INCOMPLETE, "Hello from")
        assert answer.error is not None
