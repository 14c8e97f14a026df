"""A conversation that does not fit: what is told, chosen, left out, shortened and kept, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from served_backend import ScriptedModel, opened, served

from backend_embedded.chat.turns import SUMMARY_HEAD
from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.services import Services


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(words=("Some", " words", " of", " answer."), context_size=60)


@pytest_asyncio.fixture
async def services(tmp_path: Path, model: ScriptedModel) -> AsyncIterator[Services]:
    async with opened(tmp_path, model) as these:
        yield these


@pytest_asyncio.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with served(services) as this:
        yield this


async def chat(client: httpx.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    async with client.stream("POST", "/api/v1/chat", json=body) as response:
        assert response.status_code == 200, await response.aread()
        lines = [line async for line in response.aiter_lines()]
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


async def data(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


async def long_conversation(client: httpx.AsyncClient, turns: int = 4, words: int = 10) -> dict[str, Any]:
    """Questions of ten words, answers of four; the conversation as it is then."""
    started: dict[str, Any] = (await chat(client, content="word " * words))[0]
    conversation: dict[str, Any] = started["conversation"]
    for _ in range(turns - 1):
        await chat(client, content="word " * words, conversation_id=conversation["id"])
    return conversation


async def choose(client: httpx.AsyncClient, conversation: str, **settings: Any) -> None:
    path = f"/api/v1/conversations/{conversation}"
    await data(await client.patch(path, json={"settings": settings}))


async def messages(client: httpx.AsyncClient, conversation: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await data(
        await client.get(f"/api/v1/conversations/{conversation}/messages")
    )
    return found


async def test_the_meter_tells_where_the_tokens_go(client: httpx.AsyncClient) -> None:
    conversation = await long_conversation(client, turns=2)
    await choose(client, conversation["id"], system="Be very brief.")
    use = await data(
        await client.post(
            "/api/v1/context", json={"conversation_id": conversation["id"], "content": "And then what?"}
        )
    )
    assert (use["system"], use["history"], use["question"], use["overhead"]) == (3, 28, 3, 0)
    assert (use["prompt"], use["size"], use["room"], use["fits"]) == (34, 60, 26, True)
    assert (use["model"], use["exact"], use["largest"]) == ("script", True, 8192)
    assert len(await messages(client, conversation["id"])) == 4, "nothing was stored"


async def test_the_meter_of_nothing_yet(client: httpx.AsyncClient) -> None:
    use = await data(await client.post("/api/v1/context", json={}))
    assert (use["prompt"], use["room"], use["droppable"]) == (0, 60, 0)
    as_root = await long_conversation(client, turns=2)
    body = {"conversation_id": as_root["id"], "as_root": True, "content": "Anew."}
    assert (await data(await client.post("/api/v1/context", json=body)))["history"] == 0


async def test_what_does_not_fit_is_refused_with_the_choices_and_loses_nothing(
    client: httpx.AsyncClient,
) -> None:
    conversation = await long_conversation(client)
    *_, failed = await chat(client, content="word " * 10, conversation_id=conversation["id"])
    assert failed["kind"] == "failed"
    error = failed["error"]
    assert error["code"] == "CONTEXT_EXCEEDED"
    assert (error["details"]["prompt_tokens"], error["details"]["context_size"]) == (66, 60)
    assert error["details"]["choices"] == ["drop_oldest", "summarize", "enlarge"]
    assert error["details"]["use"]["droppable"] == 4, "a quarter of the context is wanted for the answer"
    question, answer = (await messages(client, conversation["id"]))[-2:]
    assert (question["text"].strip(), question["status"]) == (" ".join(["word"] * 10), "complete")
    assert (answer["status"], answer["error"]["code"]) == ("incomplete", "CONTEXT_EXCEEDED")

    *_, finished = await chat(client, continue_message=answer["id"], context_policy="drop_oldest")
    assert (finished["kind"], finished["answer"]["id"]) == ("finished", answer["id"])
    assert finished["answer"]["text"] == "Some words of answer."


async def test_dropped_turns_are_named_in_the_answer(client: httpx.AsyncClient, model: ScriptedModel) -> None:
    conversation = await long_conversation(client)
    await choose(client, conversation["id"], context_policy="drop_oldest")
    before = await messages(client, conversation["id"])
    await chat(client, content="word " * 10, conversation_id=conversation["id"])
    context = (await messages(client, conversation["id"]))[-1]["context"]
    assert context["policy"] == "drop_oldest"
    assert context["unseen"] == [message["id"] for message in before[: len(context["unseen"])]]
    assert len(context["unseen"]) in {2, 4}
    assert context["size"] == 60
    assert len(model.prompts[-1].turns) == 9 - len(context["unseen"])
    assert len(await messages(client, conversation["id"])) == 10, "the conversation itself keeps all"


async def test_a_summary_is_made_kept_used_again_and_edited(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.context_size = 200
    conversation = await long_conversation(client, turns=5, words=30)
    await choose(client, conversation["id"], context_policy="summarize")
    events = await chat(client, content="word " * 20, conversation_id=conversation["id"])
    kinds = [event["kind"] for event in events]
    assert kinds[:2] == ["started", "summarizing"]
    progress = [event for event in events if event["kind"] == "summarizing"]
    assert progress[-1]["done"] == progress[-1]["total"] > 0
    context = events[-1]["answer"]["context"]
    summary = context["summary"]
    assert (summary["text"], summary["covers"]) == ("Some words of answer.", context["unseen"])
    assert model.prompts[-1].turns[0].content == f"{SUMMARY_HEAD}\nSome words of answer."

    edited = await data(
        await client.patch(f"/api/v1/summaries/{summary['id']}", json={"text": "Ships, mostly."})
    )
    assert (edited["text"], edited["edited"]) == ("Ships, mostly.", True)
    events = await chat(client, content="word", conversation_id=conversation["id"])
    assert "summarizing" not in [event["kind"] for event in events]
    assert model.prompts[-1].turns[0].content == f"{SUMMARY_HEAD}\nShips, mostly."
    assert events[-1]["answer"]["context"]["unseen"] == context["unseen"]


async def test_a_summary_of_one_branch_is_not_read_in_another(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.context_size = 200
    conversation = await long_conversation(client, turns=5, words=30)
    await choose(client, conversation["id"], context_policy="summarize")
    first = (await messages(client, conversation["id"]))[1]
    await chat(client, content="word " * 20, conversation_id=conversation["id"])
    await chat(client, content="Anew.", conversation_id=conversation["id"], parent_id=first["id"])
    assert [turn.content for turn in model.prompts[-1].turns][1:] == ["Some words of answer.", "Anew."]


async def test_a_first_message_of_its_own_reads_nothing_before_it(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation = await long_conversation(client, turns=2)
    await chat(client, content="Anew.", conversation_id=conversation["id"], as_root=True)
    assert [turn.content for turn in model.prompts[-1].turns] == ["Anew."]


async def test_the_context_is_enlarged_and_all_is_read(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation = await long_conversation(client)
    events = await chat(
        client, content="word " * 10, conversation_id=conversation["id"], context_policy="enlarge"
    )
    assert [event["kind"] for event in events][:2] == ["started", "queued"]
    assert events[-1]["answer"]["context"]["unseen"] == []
    assert (model.context_size, len(model.prompts[-1].turns)) == (120, 9)


async def test_a_count_that_the_provider_tells_otherwise_is_told(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.context_size = 600
    *_, finished = await chat(client, content="word " * 10)
    assert finished["answer"]["context"] is None, "so short that it was not counted"
    conversation = finished["answer"]["conversation_id"]
    await chat(client, content="word " * 20, conversation_id=conversation)
    *_, finished = await chat(client, content="word " * 20, conversation_id=conversation)
    assert finished["answer"]["stats"]["prompt_tokens"] == 7
    assert finished["answer"]["context"]["told_prompt_tokens"] == 7
    assert finished["answer"]["context"]["unseen"] == []


async def test_the_settings_of_the_conversation_are_used(
    client: httpx.AsyncClient, model: ScriptedModel
) -> None:
    conversation = await long_conversation(client, turns=1)
    options = {"temperature": 0.1, "max_tokens": 9}
    await choose(client, conversation["id"], system="Be kind.", model="script", options=options)
    await chat(client, content="x", conversation_id=conversation["id"])
    prompt = model.prompts[-1]
    assert (prompt.turns[0].content, prompt.model) == ("Be kind.", "script")
    assert (prompt.options.temperature, prompt.options.max_tokens) == (0.1, 9)
    own = {"system": "", "options": {"temperature": 1.5}}
    await chat(client, content="x", conversation_id=conversation["id"], **own)
    prompt = model.prompts[-1]
    assert (prompt.turns[0].role, prompt.options.temperature) == ("user", 1.5)


async def test_files_go_into_the_turn_and_are_counted(
    client: httpx.AsyncClient, model: ScriptedModel, services: Services
) -> None:
    about = Attachment(
        id=uuid4(), name="notes.md", media_type="text/markdown", size_bytes=16, characters=16, tokens=3
    )
    file = await services.store.keep_attachment(AttachmentText(attachment=about, text="alpha beta gamma"))
    body = {"content": "What is this?", "attachments": [str(file.id)]}
    use = await data(await client.post("/api/v1/context", json=body))
    assert (use["attachments"], use["question"]) == (7, 3)
    started, *_ = await chat(client, **body)
    assert model.prompts[-1].turns[0].content == (
        "File notes.md:\n```\nalpha beta gamma\n```\n\nWhat is this?"
    )
    assert started["user_message"]["text"] == "What is this?"
    assert [there["name"] for there in started["user_message"]["attachments"]] == ["notes.md"]
    await chat(client, content="Go on.", conversation_id=started["conversation"]["id"])
    assert "alpha beta gamma" in model.prompts[-1].turns[0].content
    missing = await client.post("/api/v1/context", json={"attachments": [str(UUID(int=1))]})
    assert missing.status_code == 404


async def test_a_draft_that_fits_is_read_ahead_as_it_would_be_sent(
    client: httpx.AsyncClient, services: Services, model: ScriptedModel
) -> None:
    conversation = (await chat(client, content="first question"))[0]["conversation"]
    draft = {"conversation_id": conversation["id"], "content": "second one", "read_ahead": True}
    await data(await client.post("/api/v1/context", json=draft))
    await until_read(model, 1)
    await chat(client, content="second one", conversation_id=conversation["id"])
    assert model.read[0].turns == model.prompts[-1].turns
    await data(await client.post("/api/v1/context", json={"content": "word " * 100, "read_ahead": True}))
    await data(await client.patch("/api/v1/settings", json={"read_ahead": False}))
    await data(await client.post("/api/v1/context", json={"content": "not wanted", "read_ahead": True}))
    await data(await client.patch("/api/v1/settings", json={"read_ahead": True}))
    await data(await client.post("/api/v1/context", json={"content": "wanted", "read_ahead": True}))
    await until_read(model, 2)
    assert model.read[1].turns[-1].content == "wanted"


async def until_read(model: ScriptedModel, count: int) -> None:
    async with asyncio.timeout(5):
        while len(model.read) < count:  # noqa: ASYNC110 - a plain value of another task
            await asyncio.sleep(0)
