"""Tools with a real model whose template has a place for them, in llama.cpp and through both doors.

The model is the starter with the template of a tool model. It is too small to call by itself, so that a grammar
or a schema has it write a call; all else is as with a large one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest
import pytest_asyncio
from door_stage import doors_open
from retemplated import retemplated

from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    Role,
    SamplingOptions,
    TextDelta,
    Tool,
    ToolCall,
)
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.errors import InvalidInput
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.port import Prompt

NAME = "tool-model"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool(name="get_weather", description="The weather of a city.", parameters=PARAMETERS)
QUESTION = ChatTurn(role=Role.USER, content="How is the weather in Paris?")
CALL_GRAMMAR = (
    'root ::= "Let me look. " "<tool_call>{\\"name\\": \\"get_weather\\", \\"arguments\\": {\\"city\\": \\"" '
    '[A-Z] [a-z] [a-z] [a-z] [a-z] "\\"}}</tool_call>"'
)
CALL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"const": "get_weather"},
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Oslo"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "parameters"],
    "additionalProperties": False,
}


@pytest_asyncio.fixture
async def model(tmp_path: Path) -> AsyncIterator[LlamaCppLanguageModel]:
    starter = find_starter()
    assert starter is not None
    (tmp_path / "models").mkdir()
    retemplated(starter, tmp_path / "models" / f"{NAME}.gguf")
    settings = BackendSettings(threads=2, keep_alive_s=-1, default_model=NAME)
    async with LlamaCppLanguageModel(
        library=ModelLibrary(tmp_path / "cache", starter),
        models_folder=tmp_path / "models",
        settings=lambda: settings,
        publish=lambda event: None,
    ) as made:
        yield made


async def answered(model: LlamaCppLanguageModel, prompt: Prompt) -> tuple[str, Finished]:
    text = ""
    async with aclosing(model.generate(prompt)) as steps:
        async for step in steps:
            if isinstance(step, TextDelta):
                text += step.text
            if isinstance(step, Finished):
                return text, step
    raise AssertionError("the answer had no end")


async def test_the_template_takes_tools_calls_and_results(model: LlamaCppLanguageModel) -> None:
    plain = await model.count_tokens(Prompt(turns=(QUESTION,), model=NAME))
    offered = await model.count_tokens(Prompt(turns=(QUESTION,), model=NAME, tools=(WEATHER,)))
    assert offered > plain + 40
    call = ToolCall(id="abc123def", name="get_weather", arguments={"city": "Paris"})
    asked = ChatTurn(role=Role.ASSISTANT, content="", tool_calls=(call,))
    result = ChatTurn(role=Role.TOOL, content="18 degrees", tool_name="get_weather", tool_call_id=call.id)
    whole = Prompt(turns=(QUESTION, asked, result), model=NAME, tools=(WEATHER,))
    assert await model.count_tokens(whole) > offered + 20
    text, end = await answered(
        model,
        Prompt(
            whole.turns, model=NAME, tools=(WEATHER,), options=SamplingOptions(temperature=0, max_tokens=8)
        ),
    )
    assert end.stats.prompt_tokens > offered
    assert text or end.tool_calls


async def test_a_call_is_read_out_of_what_the_model_writes(model: LlamaCppLanguageModel) -> None:
    options = SamplingOptions(temperature=0, grammar=CALL_GRAMMAR, max_tokens=60)
    text, end = await answered(
        model, Prompt(turns=(QUESTION,), model=NAME, tools=(WEATHER,), options=options)
    )
    assert text == "Let me look. "
    (call,) = end.tool_calls
    assert call.name == "get_weather"
    assert len(call.arguments["city"]) == 5


async def test_a_model_without_such_a_template_refuses_them(model: LlamaCppLanguageModel) -> None:
    other = next(one.name for one in await model.models() if one.name != NAME)
    with pytest.raises(InvalidInput, match="does not support tools"):
        await model.count_tokens(Prompt(turns=(QUESTION,), model=other, tools=(WEATHER,)))


async def test_both_doors_carry_the_call(tmp_path: Path, model: LlamaCppLanguageModel) -> None:
    tool = {"type": "function", "function": WEATHER.model_dump()}
    turns: list[Any] = [{"role": "user", "content": QUESTION.content}]
    async with doors_open(tmp_path, model) as stage:
        for stream in (False, True):
            theirs = await of_ollama(stage.ollama, turns, tool, stream=stream)
            assert theirs.name == "get_weather"
            assert theirs.arguments["city"] in ("Paris", "Oslo")
            ours = await of_openai(stage.openai, turns, tool, stream=stream)
            assert ours == ("get_weather", dict(theirs.arguments))


async def of_ollama(
    client: ollama.AsyncClient, turns: list[Any], tool: dict[str, Any], *, stream: bool
) -> ollama.Message.ToolCall.Function:
    asked: dict[str, Any] = {
        "model": NAME, "messages": turns, "tools": [tool], "format": CALL_SCHEMA, "options": {"temperature": 0}
    }  # fmt: skip
    if stream:
        parts = [part async for part in await client.chat(**asked, stream=True)]
        assert not "".join(part.message.content or "" for part in parts)
        calls = [call for part in parts for call in part.message.tool_calls or ()]
    else:
        calls = list((await client.chat(**asked)).message.tool_calls or ())
    (call,) = calls
    return call.function


async def of_openai(
    client: openai.AsyncOpenAI, turns: list[Any], tool: dict[str, Any], *, stream: bool
) -> tuple[str, dict[str, Any]]:
    form = {"type": "json_schema", "json_schema": {"name": "call", "schema": CALL_SCHEMA}}
    asked: dict[str, Any] = {
        "model": NAME, "messages": turns, "tools": [tool], "response_format": form, "temperature": 0
    }  # fmt: skip
    if not stream:
        choice = (await client.chat.completions.create(**asked)).choices[0]
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls or ()
        return call.function.name, json.loads(call.function.arguments)
    name = arguments = reason = ""
    async for chunk in await client.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            for part in choice.delta.tool_calls or ():
                name += part.function.name or ""
                arguments += part.function.arguments or ""
    assert reason == "tool_calls"
    return name, json.loads(arguments)
