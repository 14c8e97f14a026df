"""Answers through both doors with the official clients, and what goes over the wire byte by byte."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import ollama
import openai
import pytest
from door_stage import DoorModel, DoorStage, doors_open

from backend_embedded.contract.generation import FinishReason, LikelyToken, Role, TokenLogprob, ToolCall
from backend_embedded.contract.settings import LocalApi
from backend_embedded.errors import EngineCrashed, QueueFull

ANSWER = "Hello from the script."
HELLO = [{"role": "user", "content": "Hi"}]
CALL = ToolCall(id="abc123def", name="weather", arguments={"place": "Ulm"})
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}
LOGPROB = TokenLogprob(
    text="é", bytes=(195, 169), logprob=-0.5, top=(LikelyToken(text="e", bytes=(101,), logprob=-1.5),)
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DoorStage]:
    async with doors_open(tmp_path, DoorModel()) as stage:
        yield stage


async def test_the_ollama_client_chats_whole(stage: DoorStage) -> None:
    answer = await stage.ollama.chat("script", HELLO)
    assert answer.message.content == ANSWER
    assert answer.message.role == "assistant"
    assert answer.done
    assert answer.done_reason == "stop"
    assert answer.prompt_eval_count == 7
    assert answer.eval_count == 5
    assert answer.eval_duration == 3_000_000
    assert answer.prompt_eval_duration == 2_000_000
    assert answer.total_duration is not None
    assert answer.total_duration > 0


async def test_the_ollama_client_chats_in_a_stream(stage: DoorStage) -> None:
    parts = [part async for part in await stage.ollama.chat("script:latest", HELLO, stream=True)]
    assert "".join(part.message.content or "" for part in parts) == ANSWER
    assert [part.done for part in parts] == [False] * 5 + [True]
    assert parts[0].model == "script:latest"


async def test_the_ollama_client_generates(stage: DoorStage) -> None:
    answer = await stage.ollama.generate("script", "Hi", system="Be brief.")
    assert answer.response == ANSWER
    assert [turn.role for turn in stage.model.prompts[-1].turns] == [Role.SYSTEM, Role.USER]
    parts = [
        part.response async for part in await stage.ollama.generate("script", "Hi", raw=True, stream=True)
    ]
    assert "".join(part or "" for part in parts) == ANSWER
    assert stage.model.prompts[-1].raw == "Hi"


async def test_lines_of_ollama_are_ndjson_without_what_is_zero(stage: DoorStage) -> None:
    answer = await stage.http.post("/api/chat", json={"model": "script", "messages": HELLO})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert set(lines[0]) == {"model", "created_at", "message", "done"}
    assert lines[0]["message"] == {"role": "assistant", "content": "Hello"}
    assert lines[-1]["message"] == {"role": "assistant", "content": ""}
    assert lines[-1]["done_reason"] == "stop"
    assert datetime.fromisoformat(lines[0]["created_at"]).utcoffset() is not None


async def test_a_failure_after_the_first_line_is_one_more_line(tmp_path: Path) -> None:
    model = DoorModel(fail_after=2, failure=EngineCrashed("The runner ended.", remedy="Ask again."))
    async with doors_open(tmp_path, model) as stage:
        answer = await stage.http.post("/api/generate", json={"model": "script", "prompt": "Hi"})
        assert answer.status_code == 200
        assert json.loads(answer.text.splitlines()[-1]) == {"error": "The runner ended. Ask again."}
        with pytest.raises(ollama.ResponseError, match="The runner ended"):
            [part async for part in await stage.ollama.generate("script", "Hi", stream=True)]
        with pytest.raises(openai.APIError, match="The runner ended"):
            [
                part
                async for part in await stage.openai.chat.completions.create(
                    model="script", messages=HELLO, stream=True
                )
            ]


async def test_a_failure_before_it_has_its_own_status(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(fail_after=0, failure=QueueFull("64 wait."))) as stage:
        answer = await stage.http.post("/api/chat", json={"model": "script", "messages": HELLO})
        assert answer.status_code == 503
        assert answer.json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
        with pytest.raises(openai.InternalServerError) as caught:
            await stage.openai.chat.completions.create(model="script", messages=HELLO)
        assert caught.value.type == "api_error"


async def test_the_openai_client_chats_whole(stage: DoorStage) -> None:
    answer = await stage.openai.chat.completions.create(model="script", messages=HELLO, seed=3, max_tokens=9)
    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        7,
        5,
        12,
    )
    assert answer.object == "chat.completion"
    options = stage.model.prompts[-1].options
    assert (options.seed, options.max_tokens, options.temperature, options.top_p) == (3, 9, 1.0, 1.0)


async def test_the_openai_client_chats_in_a_stream(stage: DoorStage) -> None:
    stream = await stage.openai.chat.completions.create(
        model="script", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    parts = [part async for part in stream]
    text = "".join(choice.delta.content or "" for part in parts for choice in part.choices)
    assert text == ANSWER
    assert [part.choices[0].delta.role for part in parts if part.choices][:2] == ["assistant", None]
    assert parts[-2].choices[0].finish_reason == "stop"
    assert parts[-1].choices == []
    assert parts[-1].usage is not None
    assert parts[-1].usage.total_tokens == 12
    assert len({part.id for part in parts}) == len({part.created for part in parts}) == 1


async def test_frames_of_openai_end_with_done(stage: DoorStage) -> None:
    body = {"model": "script", "messages": HELLO, "stream": True}
    answer = await stage.http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = answer.text.split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    assert all(frame.startswith("data: {") for frame in frames[:-2])
    last = json.loads(frames[-3].removeprefix("data: "))
    assert last["choices"][0]["delta"] == {}
    assert "usage" not in last


async def test_the_openai_client_completes(stage: DoorStage) -> None:
    answer = await stage.openai.completions.create(model="script", prompt="Once", stop=["\n"])
    assert answer.choices[0].text == ANSWER
    assert stage.model.prompts[-1].raw == "Once"
    assert stage.model.prompts[-1].options.stop == ("\n",)
    stream = await stage.openai.completions.create(model="script", prompt="Once", stream=True)
    parts = [part async for part in stream]
    assert "".join(part.choices[0].text for part in parts) == ANSWER
    assert {part.object for part in parts} == {"text_completion"}


async def test_tools_go_to_the_model_and_calls_come_back(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(words=(), calls=(CALL,))) as stage:
        answer = await stage.ollama.chat("script", HELLO, tools=[TOOL])
        assert answer.message.tool_calls is not None
        assert answer.message.tool_calls[0].function.name == "weather"
        assert answer.message.tool_calls[0].function.arguments == {"place": "Ulm"}
        assert answer.done_reason == "stop"
        assert stage.model.prompts[-1].tools[0].name == "weather"
        parts = [part async for part in await stage.ollama.chat("script", HELLO, tools=[TOOL], stream=True)]
        assert [bool(part.message.tool_calls) for part in parts] == [True, False]
        whole = await stage.openai.chat.completions.create(model="script", messages=HELLO, tools=[TOOL])
        assert whole.choices[0].finish_reason == "tool_calls"
        assert whole.choices[0].message.content is None
        assert whole.choices[0].message.tool_calls is not None
        call = whole.choices[0].message.tool_calls[0]
        assert call.id == "abc123def"
        assert json.loads(call.function.arguments) == {"place": "Ulm"}
        stream = await stage.openai.chat.completions.create(
            model="script", messages=HELLO, tools=[TOOL], stream=True
        )
        chunks = [chunk async for chunk in stream]
        assert chunks[0].choices[0].delta.tool_calls[0].index == 0
        assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_turns_with_calls_and_results_reach_the_model(stage: DoorStage) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Ulm"}'}}
    await stage.openai.chat.completions.create(
        model="script",
        messages=[
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "Rain"}]},
        ],
        tools=[TOOL],
    )
    _, asked, told = stage.model.prompts[-1].turns
    assert asked.tool_calls[0].arguments == {"place": "Ulm"}
    assert (told.role, told.tool_call_id, told.content) == (Role.TOOL, "1", "Rain")


async def test_a_model_without_tools_refuses_them(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(tools=False)) as stage:
        with pytest.raises(ollama.ResponseError, match='"script" does not support tools') as caught:
            await stage.ollama.chat("script", HELLO, tools=[TOOL])
        assert caught.value.status_code == 400
        with pytest.raises(openai.BadRequestError, match="does not support tools"):
            await stage.openai.chat.completions.create(model="script", messages=HELLO, tools=[TOOL])


async def test_probabilities_are_told_when_asked_for(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(words=("é",), logprobs=(LOGPROB,))) as stage:
        answer = await stage.ollama.chat("script", HELLO, logprobs=True, top_logprobs=1)
        assert answer.logprobs is not None
        assert (answer.logprobs[0].token, answer.logprobs[0].logprob) == ("é", -0.5)
        assert answer.logprobs[0].top_logprobs[0].token == "e"
        whole = await stage.openai.chat.completions.create(
            model="script", messages=HELLO, logprobs=True, top_logprobs=1
        )
        token = whole.choices[0].logprobs.content[0]
        assert (token.token, token.bytes, token.top_logprobs[0].logprob) == ("é", [195, 169], -1.5)
        plain = await stage.openai.completions.create(model="script", prompt="x", logprobs=1)
        assert plain.choices[0].logprobs.top_logprobs == [{"e": -1.5}]
        without = await stage.openai.chat.completions.create(model="script", messages=HELLO)
        assert without.choices[0].logprobs is None


async def test_thinking_is_told_apart(tmp_path: Path) -> None:
    words = ("<th", "ink>\nI ponder", ".</thi", "nk>\n\n", "Done.")
    async with doors_open(tmp_path, DoorModel(words=words)) as stage:
        answer = await stage.ollama.chat("script", HELLO)
        assert (answer.message.thinking, answer.message.content) == ("I ponder.", "Done.")
        whole = await stage.http.post("/v1/chat/completions", json={"model": "script", "messages": HELLO})
        message = whole.json()["choices"][0]["message"]
        assert (message["reasoning"], message["content"]) == ("I ponder.", "Done.")


async def test_json_mode_and_schemas_hold_the_answer(stage: DoorStage) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    await stage.ollama.chat("script", HELLO, format="json")
    assert stage.model.prompts[-1].options.json_schema == {"type": "object"}
    await stage.ollama.generate("script", "Hi", format=schema)
    assert stage.model.prompts[-1].options.json_schema == schema
    wrapped = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    await stage.openai.chat.completions.create(model="script", messages=HELLO, response_format=wrapped)
    assert stage.model.prompts[-1].options.json_schema == schema
    await stage.openai.chat.completions.create(
        model="script", messages=HELLO, response_format={"type": "json_object"}
    )
    assert stage.model.prompts[-1].options.json_schema == {"type": "object"}


async def test_an_answer_cut_at_its_limit_says_so(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(reason=FinishReason.LENGTH), LocalApi.OPEN) as stage:
        assert (await stage.ollama.chat("script", HELLO)).done_reason == "length"
        whole = await stage.openai.chat.completions.create(model="script", messages=HELLO)
        assert whole.choices[0].finish_reason == "length"


async def test_a_client_that_leaves_stops_the_model(tmp_path: Path) -> None:
    async with doors_open(tmp_path, DoorModel(hold_after=2)) as stage:
        body = {"model": "script", "messages": HELLO}
        async with stage.http.stream("POST", "/api/chat", json=body) as answer:
            async for _ in answer.aiter_lines():
                break
        await stage.model.closed.wait()
