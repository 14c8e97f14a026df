"""Answers over HTTP: several at once, continued, by another model, held to a schema, seams and titles."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from served_backend import ScriptedModel, opened, served, until

from backend_embedded.chat.service import ChatService
from backend_embedded.chat.structured import problem_of
from backend_embedded.chat.title_proposal import REQUEST, cleaned
from backend_embedded.contract.conversations import ChatFinished, ChatRequest
from backend_embedded.contract.events import ConversationChanged
from backend_embedded.contract.generation import Finished, FinishReason, Switched, TextDelta
from backend_embedded.errors import EngineCrashed, ModelNotFound
from backend_embedded.llm.port import GenerationStep, Prompt
from backend_embedded.services import Services

AGE = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
}


class ManyModels(ScriptedModel):
    """Answers with the name of the model that was asked, and waits for `go` in the middle."""

    together: int = 0

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        self.prompts.append(prompt)
        if prompt.model == "none":
            raise ModelNotFound("There is no model named none.")
        self.together += 1
        yield TextDelta(text=f"{prompt.model} ", tokens=1)
        if self.hold_after is not None:
            await self.go.wait()
        yield TextDelta(text=f"at {prompt.options.temperature}", tokens=2)
        yield Finished(stats=self.stats().model_copy(update={"model": prompt.model or "script"}))


@pytest.fixture
def model() -> ManyModels:
    return ManyModels()


@pytest_asyncio.fixture
async def services(tmp_path: Path, model: ManyModels) -> AsyncIterator[Services]:
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


async def test_several_answers_to_one_question_are_written_at_the_same_time(
    client: httpx.AsyncClient, model: ManyModels, services: Services
) -> None:
    started, *_ = await chat(client, content="Compare.", model="first")
    question = started["user_message"]["id"]
    model.hold_after, model.together = 1, 0
    asking = [
        asyncio.create_task(
            chat(client, answer_to=question, model=name, options={"temperature": temperature})
        )
        for name, temperature in (("one", 0.1), ("two", 0.2), ("two", 0.9))
    ]
    await until("three answers are under way", lambda: model.together == 3)
    model.go.set()
    answers = [(await task)[-1]["answer"] for task in asking]
    assert [answer["text"] for answer in answers] == ["one at 0.1", "two at 0.2", "two at 0.9"]
    assert {answer["parent_id"] for answer in answers} == {question}
    stored = await services.store.message(UUID(answers[0]["id"]))
    assert set(map(str, stored.siblings)) == {
        started["answer"]["id"], *(answer["id"] for answer in answers)
    }  # fmt: skip
    assert len(stored.siblings) == 4


async def test_an_answer_by_another_model_is_a_sibling(client: httpx.AsyncClient) -> None:
    started, *_ = await chat(client, content="Hello.", model="first")
    *_, finished = await chat(client, answer_to=started["user_message"]["id"], model="second")
    answer = finished["answer"]
    assert answer["text"] == "second at 0.7"
    assert answer["stats"]["model"] == "second"
    assert answer["siblings"] == [started["answer"]["id"], answer["id"]]


async def test_a_model_that_is_gone_is_told_and_another_can_go_on(
    client: httpx.AsyncClient, model: ManyModels
) -> None:
    *_, failed = await chat(client, content="Hello.", model="none")
    assert (failed["kind"], failed["error"]["code"]) == ("failed", "MODEL_NOT_FOUND")
    *_, finished = await chat(client, continue_message=failed["answer"]["id"], model="other")
    assert (finished["answer"]["text"], finished["answer"]["error"]) == ("other at 0.7", None)
    assert model.prompts[-1].continue_last is False, "there was nothing to go on with"


class Scripted(ScriptedModel):
    """What the script says, as it is: seams, finish reasons, failures."""

    steps: tuple[GenerationStep | Exception, ...] = ()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        self.prompts.append(prompt)
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            yield step


def text(piece: str) -> TextDelta:
    return TextDelta(text=piece, tokens=1)


def done(model: ScriptedModel, reason: FinishReason = FinishReason.STOP) -> Finished:
    return Finished(stats=model.stats().model_copy(update={"finish_reason": reason}))


@pytest_asyncio.fixture
async def scripted(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Scripted]]:
    model = Scripted()
    async with opened(tmp_path, model) as services, served(services) as client:
        yield client, model


async def test_a_cut_answer_is_gone_on_with_in_place(scripted: tuple[httpx.AsyncClient, Scripted]) -> None:
    client, model = scripted
    model.steps = (text("The sea is "), EngineCrashed("The model runner ended."))
    *_, failed = await chat(client, content="Tell me.")
    assert (failed["answer"]["status"], failed["answer"]["text"]) == ("incomplete", "The sea is ")
    model.steps = (text("deep."), done(model))
    *_, finished = await chat(client, continue_message=failed["answer"]["id"])
    assert (finished["answer"]["text"], finished["answer"]["status"]) == ("The sea is deep.", "complete")
    assert model.prompts[-1].continue_last
    assert [turn.content for turn in model.prompts[-1].turns] == ["Tell me.", "The sea is "]


async def test_a_seam_is_stored_and_passed_on(scripted: tuple[httpx.AsyncClient, Scripted]) -> None:
    client, model = scripted
    switched = Switched(provider="llama.cpp", model="tiny", reason="Ollama does not answer.", offset=4)
    model.steps = (text("One "), switched, text("two."), done(model))
    events = await chat(client, content="Count.")
    assert [event["kind"] for event in events] == ["started", "text", "switched", "text", "finished"]
    (seam,) = events[-1]["answer"]["seams"]
    assert (seam["offset"], seam["provider"], seam["reason"]) == (4, "llama.cpp", "Ollama does not answer.")
    *_, finished = await chat(client, continue_message=events[-1]["answer"]["id"])
    assert [seam["offset"] for seam in finished["answer"]["seams"]] == [4, 12]


async def test_an_answer_that_was_cut_after_a_seam_is_of_who_went_on(
    scripted: tuple[httpx.AsyncClient, Scripted],
) -> None:
    client, model = scripted
    switched = Switched(provider="llama.cpp", model="tiny", reason="Ollama does not answer.", offset=4)
    model.steps = (text("One "), switched, text("two."), EngineCrashed("The model runner ended."))
    *_, failed = await chat(client, content="Count.")
    stats = failed["answer"]["stats"]
    assert (stats["provider"], stats["model"]) == ("llama.cpp", "tiny")


async def test_an_answer_is_checked_against_its_schema(
    scripted: tuple[httpx.AsyncClient, Scripted],
) -> None:
    client, model = scripted
    model.steps = (text('{"age": 3}'), done(model))
    *_, finished = await chat(client, content="How old?", options={"json_schema": AGE})
    assert finished["kind"] == "finished"
    assert model.prompts[-1].options.json_schema == AGE
    model.steps = (text('{"age": '), done(model, FinishReason.LENGTH))
    *_, failed = await chat(client, content="How old?", options={"json_schema": AGE})
    answer = failed["answer"]
    assert (failed["error"]["code"], failed["error"]["details"]["cut"]) == ("MODEL_ERROR", True)
    assert (answer["text"], answer["error"]["code"]) == ('{"age": ', "MODEL_ERROR")
    assert answer["stats"]["finish_reason"] == "length"
    model.steps = (text("3}"), done(model))
    *_, finished = await chat(client, continue_message=answer["id"], options={"json_schema": AGE})
    assert (finished["kind"], finished["answer"]["text"]) == ("finished", '{"age": 3}')
    assert model.prompts[-1].options.json_schema is None, "a grammar would begin anew"


@pytest.mark.parametrize(
    ("answer", "schema", "problem"),
    [
        ('{"age": 3}', AGE, None),
        ('{"age": "x"}', AGE, "at “age”: 'x' is not of type 'integer'"),
        ("{}", AGE, "'age' is a required property"),
        ("no", AGE, "it is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ("1", {"$ref": "https://example.org/x.json"}, "the schema itself cannot be used"),
        ("1", {"type": "nothing"}, "the schema itself cannot be used"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(
    answer: str, schema: dict[str, Any], problem: str | None
) -> None:
    found = problem_of(answer, schema)
    assert found == problem or (found is not None and problem is not None and found.startswith(problem))


@pytest.mark.parametrize(
    ("proposal", "title"),
    [
        ('{"title": "Cooking Rice"}', "Cooking Rice"),
        ('{ "title" : "Title: **The Sea**." }', "The Sea"),
        ('{"title": "cut', ""),
        ("“Ships and\tharbours”\nMore.", "Ships and harbours"),
        ("Conversation with a Tester", "Conversation with a Tester"),
        ("Title - Boats", "Boats"),
        ("\n \n", ""),
        ('{"title": 3}', ""),
        ("x" * 200, ""),
    ],
)
def test_a_proposal_is_cleaned(proposal: str, title: str) -> None:
    assert cleaned(proposal) == title


class Entitles(ScriptedModel):
    """Answers questions with its words, and a request for a title with a title."""

    title: str = '{"title": "Deep Water"}'

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        self.prompts.append(prompt)
        asks_title = prompt.turns[-1].content == REQUEST
        if asks_title and self.hold_after is not None:
            self.waited.set()
            try:
                await self.go.wait()
            finally:
                self.closed.set()
        yield text(self.title if asks_title else "The sea is deep.")
        yield done(self)


class Titled:
    """A chat service by itself, whose titles are proposed at once."""

    def __init__(self, services: Services, wanted: bool = True) -> None:
        self.told: list[ConversationChanged] = []
        self.wanted = wanted
        self.chat = ChatService(
            services.store, services.model, self.told.append, services.leaving, lambda: self.wanted, quiet_s=0
        )

    async def ask(self, content: str, conversation: UUID | None = None) -> ChatFinished:
        events = [
            event
            async for event in self.chat.chat(ChatRequest(content=content, conversation_id=conversation))
        ]
        last = events[-1]
        assert isinstance(last, ChatFinished)
        return last


@pytest_asyncio.fixture
async def entitling(tmp_path: Path) -> AsyncIterator[tuple[Titled, Entitles, Services]]:
    model = Entitles()
    async with opened(tmp_path, model) as services:
        titled = Titled(services)
        yield titled, model, services
        await titled.chat.close()


async def test_the_model_proposes_a_title(entitling: tuple[Titled, Entitles, Services]) -> None:
    titled, model, services = entitling
    answer = (await titled.ask("Why is the sea so deep?")).answer
    await titled.chat.titles.settled()
    conversation = await services.store.conversation(answer.conversation_id)
    assert (conversation.title, conversation.titled_by) == ("Deep Water", "model")
    assert titled.told[-1].conversation.title == "Deep Water"
    asked = len(model.prompts)
    await titled.ask("And?", answer.conversation_id)
    await titled.chat.titles.settled()
    assert len(model.prompts) == asked + 1, "it has its title"


async def test_a_user_who_asks_comes_before_a_title(entitling: tuple[Titled, Entitles, Services]) -> None:
    titled, model, services = entitling
    model.hold_after = 0
    answer = (await titled.ask("Why is the sea so deep?")).answer
    await model.waited.wait()
    model.hold_after = None
    model.title = '{"title": "Second Try"}'
    await titled.ask("And?", answer.conversation_id)
    assert model.closed.is_set()
    await titled.chat.titles.settled()
    assert (await services.store.conversation(answer.conversation_id)).title == "Second Try"


async def test_no_title_when_none_is_wanted_or_none_is_usable(
    entitling: tuple[Titled, Entitles, Services],
) -> None:
    titled, model, services = entitling
    titled.wanted = False
    answer = (await titled.ask("Why is the sea so deep?")).answer
    await titled.chat.titles.settled()
    assert len(model.prompts) == 1
    titled.wanted, model.title = True, "{"
    answer = (await titled.ask("Why is it blue?")).answer
    await titled.chat.titles.settled()
    conversation = await services.store.conversation(answer.conversation_id)
    assert (conversation.title, conversation.titled_by) == ("Why is it blue?", "question")


async def test_leaving_gives_a_title_up(entitling: tuple[Titled, Entitles, Services]) -> None:
    titled, model, _ = entitling
    model.hold_after = 0
    await titled.ask("Why is the sea so deep?")
    await model.waited.wait()
    await titled.chat.close()
    assert model.closed.is_set()
