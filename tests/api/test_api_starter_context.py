"""The starter model in a small context: counted, cut, shortened, enlarged, and the same for the same seed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from served_backend import opened

from backend_embedded.chat.service import ChatService
from backend_embedded.contract.context import ContextPolicy, ContextRequest
from backend_embedded.contract.conversations import ChatFailed, ChatFinished, ChatRequest, Summarizing
from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.generation import ChatTurn, Finished, FinishReason, Role, SamplingOptions
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.errors import NotEnoughMemory
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp import runners
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.port import Prompt

CONTEXT_SIZE = 256
SHORT = SamplingOptions(temperature=0, max_tokens=6)
QUESTION = (
    "Ships carry goods between harbours. A ship has a captain, a crew and a cargo. My ship is called Aurora "
    "and it sails from Lisbon to Oslo with a cargo of oranges and wine. Name one thing about it."
)


@pytest_asyncio.fixture
async def starter(tmp_path: Path) -> AsyncIterator[LlamaCppLanguageModel]:
    settings = BackendSettings(context_size=CONTEXT_SIZE, keep_alive_s=-1, threads=1)
    async with LlamaCppLanguageModel(
        library=ModelLibrary(tmp_path / "cache", find_starter()),
        models_folder=tmp_path / "models",
        settings=lambda: settings,
        publish=lambda event: None,
    ) as model:
        yield model


@pytest_asyncio.fixture
async def chat(tmp_path: Path, starter: LlamaCppLanguageModel) -> AsyncIterator[ChatService]:
    async with opened(tmp_path, starter) as services:
        service = ChatService(services.store, services.model, lambda event: None, services.leaving, quiet_s=0)
        yield service
        await service.close()


async def answered(chat: ChatService, **fields: Any) -> tuple[list[Any], ChatFinished | ChatFailed]:
    events = [event async for event in chat.chat(ChatRequest(**fields))]
    last = events[-1]
    assert isinstance(last, ChatFinished | ChatFailed)
    return events, last


async def filled(chat: ChatService) -> ChatFinished:
    """A conversation to which another question does not fit."""
    _, last = await answered(chat, content=QUESTION * 2, options=SHORT)
    assert isinstance(last, ChatFinished)
    _, last = await answered(
        chat, content=QUESTION * 3, options=SHORT, conversation_id=last.answer.conversation_id
    )
    assert isinstance(last, ChatFailed), "five such questions have more than 256 tokens"
    assert last.error.code is ErrorCode.CONTEXT_EXCEEDED
    assert last.error.details["choices"] == ["drop_oldest", "summarize", "enlarge"]
    return ChatFinished(answer=last.answer)


async def test_the_meter_is_what_the_engine_counts_with_the_starter_model(chat: ChatService) -> None:
    use = await chat.context_use(ContextRequest(content=QUESTION, system="Be brief.", options=SHORT))
    assert use.system + use.history + use.attachments + use.question + use.overhead == use.prompt
    assert (use.size, use.largest, use.exact, use.provider) == (CONTEXT_SIZE, 8192, True, "llama.cpp")
    _, last = await answered(chat, content=QUESTION, system="Be brief.", options=SHORT)
    assert isinstance(last, ChatFinished)
    assert last.answer.stats is not None
    assert last.answer.stats.prompt_tokens == use.prompt
    assert last.answer.context is None


async def test_overflow_of_the_starter_model_is_asked_and_then_dropped(chat: ChatService) -> None:
    failed = await filled(chat)
    _, last = await answered(
        chat, continue_message=failed.answer.id, options=SHORT, context_policy=ContextPolicy.DROP_OLDEST
    )
    assert isinstance(last, ChatFinished)
    assert last.answer.context is not None
    assert len(last.answer.context.unseen) == 2
    assert last.answer.stats is not None
    assert last.answer.stats.prompt_tokens < CONTEXT_SIZE


async def test_the_starter_model_shortens_the_middle(chat: ChatService) -> None:
    failed = await filled(chat)
    events, last = await answered(
        chat, continue_message=failed.answer.id, options=SHORT, context_policy=ContextPolicy.SUMMARIZE
    )
    assert isinstance(last, ChatFinished)
    assert last.answer.context is not None
    summary = last.answer.context.summary
    assert summary is not None
    assert summary.text
    assert any(isinstance(event, Summarizing) for event in events)


async def test_the_starter_model_is_loaded_again_with_a_larger_context(
    chat: ChatService, starter: LlamaCppLanguageModel
) -> None:
    failed = await filled(chat)
    _, last = await answered(
        chat, continue_message=failed.answer.id, options=SHORT, context_policy=ContextPolicy.ENLARGE
    )
    assert isinstance(last, ChatFinished)
    assert last.answer.context is None, "it read all of it"
    assert (await starter.context()).size == 512


async def test_an_answer_under_way_is_waited_for_before_the_context_grows(
    starter: LlamaCppLanguageModel,
) -> None:
    turns = (ChatTurn(role=Role.USER, content="Tell me of the sea."),)
    prompt = Prompt(turns=turns, options=SHORT.model_copy(update={"max_tokens": 12}))
    async with aclosing(starter.generate(prompt)) as steps:
        assert await anext(steps)
        growing = asyncio.create_task(starter.load(context_size=512))
        rest = [step async for step in steps]
    assert isinstance(rest[-1], Finished)
    await growing
    assert (await starter.context()).size == 512


async def test_a_context_for_which_there_is_no_memory_changes_nothing(
    starter: LlamaCppLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "free_bytes", lambda: 0)
    with pytest.raises(NotEnoughMemory):
        await starter.load(context_size=512)
    assert (await starter.context()).size == CONTEXT_SIZE


async def test_texts_are_counted_as_the_prompt_counts_them(starter: LlamaCppLanguageModel) -> None:
    texts = ("The sea is deep.", "", "Ümlaut 漢字")
    each = await starter.count_texts(texts)
    assert [await starter.count_tokens(Prompt(raw=text)) for text in texts] == list(each)
    assert await starter.count_texts(()) == ()


async def test_the_starter_model_gives_the_same_answer_for_the_same_seed(chat: ChatService) -> None:
    options = SamplingOptions(temperature=1.2, seed=7, max_tokens=10)
    events, last = await answered(chat, content="Tell me of the sea.", options=options)
    question = events[0].user_message.id
    _, again = await answered(chat, answer_to=question, options=options)
    _, other = await answered(chat, answer_to=question, options=options.model_copy(update={"seed": 8}))
    assert last.answer.text == again.answer.text != other.answer.text


async def test_the_starter_model_is_held_to_a_schema(chat: ChatService) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    options = SamplingOptions(temperature=0, max_tokens=80, json_schema=schema)
    _, last = await answered(chat, content="Describe a person.", options=options)
    assert isinstance(last, ChatFinished)
    assert set(json.loads(last.answer.text)) == {"name", "age"}
    cut = options.model_copy(update={"max_tokens": 4})
    _, last = await answered(chat, content="Describe a person.", options=cut)
    assert isinstance(last, ChatFailed)
    assert (last.error.code, last.error.details["cut"]) == (ErrorCode.MODEL_ERROR, True)
    assert last.answer.text
    assert last.answer.stats is not None
    assert last.answer.stats.finish_reason is FinishReason.LENGTH
