"""Edges of both doors: options, keep-alive, refusals, unknown models, vectors and the lists of models."""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest
from door_stage import DoorModel, DoorStage, doors_open

from backend_embedded.api.doors.failures import BadRequest
from backend_embedded.api.doors.keep_alive import keep_alive_s
from backend_embedded.api.doors.thinking import ThinkingSplitter

HELLO = [{"role": "user", "content": "Hi"}]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DoorStage]:
    async with doors_open(tmp_path, DoorModel()) as stage:
        yield stage


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None), (300, 300.0), (0, 0.0), (-1, -1.0), (0.5, 0.5), ("10m", 600.0), ("1h30m", 5400.0),
        ("0", 0.0), ("-1s", -1.0), ("-1m", -1.0), ("1.5s", 1.5), ("500ms", 0.5), ("0s", 0.0), ("+2s", 2.0),
    ],
)  # fmt: skip
def test_keep_alive_is_a_number_or_a_duration(given: object, seconds: float | None) -> None:
    assert keep_alive_s(given) == seconds


@pytest.mark.parametrize("given", ["", "x", "10", "10 m", "5y", "-", True, [], {}])
def test_another_keep_alive_is_refused(given: object) -> None:
    with pytest.raises(BadRequest):
        keep_alive_s(given)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<think>\na\n</think>\n\nb", ("a\n", "b")),
        ("\n<think>a</think>b</think>", ("a", "b</think>")),
        ("b <think>a</think>", ("", "b <think>a</think>")),
        ("<thin", ("", "<thin")),
        ("<think>a</thi", ("a</thi", "")),
        ("", ("", "")),
    ],
)
def test_thinking_is_split_however_it_is_cut(text: str, told: tuple[str, str]) -> None:
    for size in (1, 2, 3, 100):
        splitter = ThinkingSplitter()
        parts = [splitter.feed(text[at : at + size]) for at in range(0, len(text), size)]
        parts.append(splitter.finish())
        assert ("".join(one for one, _ in parts), "".join(two for _, two in parts)) == told


async def test_options_of_ollama_have_its_defaults(stage: DoorStage) -> None:
    await stage.ollama.chat("script", HELLO)
    options = stage.model.prompts[-1].options
    assert (options.temperature, options.top_p, options.min_p, options.repeat_penalty) == (0.8, 0.9, 0, 1)
    given = {"temperature": 0, "num_predict": 5, "seed": 9, "stop": ["x"], "mirostat": 1, "top_k": 1}
    await stage.ollama.chat("script", HELLO, options=given)
    options = stage.model.prompts[-1].options
    assert (options.temperature, options.max_tokens, options.seed) == (0, 5, 9)
    assert (options.stop, options.top_k) == (("x",), 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"num_ctx": "x"}, 'option "num_ctx" must be of type integer'),
        ({"stop": "x"}, 'option "stop" must be of type array'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
    ],
)
async def test_options_of_another_type_are_refused(
    stage: DoorStage, options: dict[str, Any], said: str
) -> None:
    body = {"model": "script", "prompt": "Hi", "options": options}
    answer = await stage.http.post("/api/generate", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": said})


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/generate", {"prompt": "x", "images": ["aGk="]}, "does not support images"),
        ("/api/generate", {"prompt": "x", "suffix": "y"}, '"script" does not support insert'),
        ("/api/generate", {"prompt": "x", "raw": True, "system": "y"}, "raw mode does not support"),
        ("/api/generate", {"prompt": "x", "format": "xml"}, "invalid format"),
        ("/api/generate", {"prompt": "x", "think": True}, "does not support thinking"),
        ("/api/generate", {"prompt": 3}, "prompt"),
        ("/api/generate", {"prompt": "x", "top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ("/api/chat", {"messages": [{"role": "king", "content": "x"}]}, 'invalid role: "king"'),
        ("/api/chat", {"messages": [{"role": "user", "content": "", "images": ["aGk="]}]}, "images"),
        ("/api/embed", {"input": None}, "invalid input type"),
        ("/v1/chat/completions", {"messages": []}, "messages"),
        ("/v1/chat/completions", {"messages": HELLO, "n": 2}, "n must be 1"),
        ("/v1/chat/completions", {"messages": HELLO, "temperature": 9}, "temperature"),
        ("/v1/chat/completions", {"messages": HELLO, "tool_choice": "required"}, "tool_choice"),
        ("/v1/chat/completions", {"messages": HELLO, "logit_bias": {"1": 5}}, "logit_bias"),
        ("/v1/completions", {"prompt": [1, 2]}, "prompt"),
        ("/v1/completions", {"prompt": "x", "suffix": "y"}, "suffix"),
        ("/v1/embeddings", {"input": []}, "input"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    stage: DoorStage, path: str, body: dict[str, Any], said: str
) -> None:
    answer = await stage.http.post(path, json={"model": "script"} | body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert said in (error if path.startswith("/api") else error["message"])
    assert not stage.model.prompts


async def test_an_image_in_a_message_of_openai_is_refused(stage: DoorStage) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    with pytest.raises(openai.BadRequestError, match="image_url") as caught:
        await stage.openai.chat.completions.create(
            model="script", messages=[{"role": "user", "content": [part]}]
        )
    assert caught.value.param == "messages[0].content"


async def test_bodies_that_are_none_are_refused(stage: DoorStage) -> None:
    assert (await stage.http.post("/api/chat")).json() == {"error": "missing request body"}
    for path in ("/api/chat", "/v1/chat/completions"):
        for content in (b"{", b"[]", b"null"):
            assert (await stage.http.post(path, content=content)).status_code == 400
        assert (await stage.http.post(path, content=b"{}")).status_code == 400


async def test_unknown_models_are_told_in_the_words_of_each_door(stage: DoorStage) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        await stage.ollama.chat("nobody", HELLO)
    assert (caught.value.status_code, caught.value.error) == (404, "model 'nobody' not found")
    for call in (stage.ollama.show("nobody"), stage.ollama.delete("nobody")):
        with pytest.raises(ollama.ResponseError, match="model 'nobody' not found"):
            await call
    with pytest.raises(ollama.ResponseError, match='model "nobody" not found, try pulling it first'):
        await stage.ollama.embed("nobody", "x")
    with pytest.raises(openai.NotFoundError) as other:
        await stage.openai.chat.completions.create(model="nobody", messages=HELLO)
    assert (other.value.type, other.value.code, other.value.param) == (
        "not_found_error", "model_not_found", "model",
    )  # fmt: skip


async def test_an_empty_prompt_loads_and_unloads(stage: DoorStage) -> None:
    assert (await stage.ollama.generate("script")).done_reason == "load"
    assert stage.model.loaded
    assert not stage.model.prompts
    assert (await stage.ollama.chat("script", [], keep_alive=0)).done_reason == "unload"
    assert stage.model.unloaded == ["script"]
    assert (await stage.ollama.generate("script", keep_alive="1h")).done_reason == "load"
    assert stage.model.prompts[-1].keep_alive_s == 3600
    await stage.ollama.chat("script", HELLO, keep_alive="-1m", options={"num_ctx": 6000})
    assert stage.model.prompts[-1].keep_alive_s == -1
    assert stage.model.context_size == 6000


async def test_the_lists_of_models(stage: DoorStage) -> None:
    (listed,) = (await stage.ollama.list()).models
    assert listed.model == "script"
    assert listed.details is not None
    assert (listed.details.parameter_size, listed.details.quantization_level) == ("135.00M", "Q4_1")
    assert len(listed.digest or "") == 64
    assert (await stage.ollama.ps()).models == []
    await stage.ollama.generate("script")
    (running,) = (await stage.ollama.ps()).models
    assert running.context_length == 4096
    shown = await stage.ollama.show("script")
    assert shown.capabilities == ["completion", "tools"]
    assert (shown.modelinfo or {})["llama.context_length"] == 8192
    assert (await stage.http.get("/api/version")).json() == {"version": "0.13.5"}
    assert [model.id async for model in stage.openai.models.list()] == ["script"]
    assert (await stage.openai.models.retrieve("script")).object == "model"
    with pytest.raises(openai.NotFoundError):
        await stage.openai.models.retrieve("owner/nobody")


async def test_vectors_of_both_doors(stage: DoorStage) -> None:
    answer = await stage.ollama.embed("script", ["a", "b"])
    assert answer.embeddings == [[1.0, 0.0], [1.0, 0.0]]
    assert answer.prompt_eval_count == 2
    assert (await stage.ollama.embed("script", "")).embeddings == []
    assert (await stage.ollama.embeddings("script", "a")).embedding == [1.0, 0.0]
    assert (await stage.ollama.embed("script", "a", dimensions=1)).embeddings == [[1.0]]
    other = await stage.openai.embeddings.create(model="script", input=["a", "b"])
    assert [one.embedding for one in other.data] == [[1.0, 0.0], [1.0, 0.0]]
    body = {"model": "script", "input": "a", "encoding_format": "base64"}
    raw = (await stage.http.post("/v1/embeddings", json=body)).json()["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(raw)) == (1.0, 0.0)
    assert other.usage.prompt_tokens == 2
