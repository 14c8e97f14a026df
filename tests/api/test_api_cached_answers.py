"""Answers from the cache: only to the same certain request, only when set so, and always marked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from door_stage import DoorModel, doors_open
from served_backend import ScriptedModel, opened, served

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.chat.cached_answers import CachedLanguageModel
from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    FinishReason,
    GenerationStats,
    LikelyToken,
    Role,
    SamplingOptions,
    Switched,
    TextDelta,
    TokenLogprob,
    ToolCall,
)
from backend_embedded.contract.settings import SettingsPatch
from backend_embedded.errors import EngineCrashed
from backend_embedded.llm.port import Prompt

CERTAIN = SamplingOptions(temperature=0)
TEXT = "Hello from the script."


def prompt(text: str = "Hi", **more: Any) -> Prompt:
    return Prompt(turns=(ChatTurn(role=Role.USER, content=text),), **{"options": CERTAIN, **more})


async def heard(model: CachedLanguageModel, asked: Prompt) -> tuple[str, GenerationStats, list[Any]]:
    steps = [step async for step in model.generate(asked)]
    assert isinstance(steps[-1], Finished)
    return "".join(one.text for one in steps if isinstance(one, TextDelta)), steps[-1].stats, steps


def cached(script: ScriptedModel, wanted: bool = True) -> CachedLanguageModel:
    return CachedLanguageModel(script, EmbeddedCache(), lambda: wanted)


@pytest.mark.parametrize("options", [CERTAIN, SamplingOptions(temperature=1, seed=7)])
async def test_the_same_certain_request_is_answered_once(options: SamplingOptions) -> None:
    script = ScriptedModel()
    model = cached(script)
    first = await heard(model, prompt(options=options))
    second = await heard(model, prompt(options=options))
    assert len(script.prompts) == 1
    assert first[0] == second[0] == TEXT
    assert not first[1].cached
    assert second[1] == first[1].model_copy(update={"cached": True})
    assert len(second[2]) == 2, "the text comes in one piece"


@pytest.mark.parametrize(
    "other",
    [
        prompt("Hello"),
        prompt(raw="Hi", model="script"),
        prompt(continue_last=True),
        prompt(options=SamplingOptions(temperature=0, max_tokens=5)),
        prompt(options=SamplingOptions(temperature=0, seed=1)),
        prompt(options=SamplingOptions(temperature=0, stop=("x",))),
        prompt(options=SamplingOptions(temperature=0, json_schema={"type": "string"})),
    ],
)
async def test_another_request_is_another_answer(other: Prompt) -> None:
    script = ScriptedModel()
    model = cached(script)
    await heard(model, prompt())
    assert not (await heard(model, other))[1].cached
    assert len(script.prompts) == 2


async def test_how_long_a_model_stays_and_how_it_is_called_make_no_difference() -> None:
    script = ScriptedModel()
    model = cached(script)
    await heard(model, prompt())
    for same in (prompt(keep_alive_s=9), prompt(model="script")):
        assert (await heard(model, same))[1].cached


async def test_what_is_not_certain_or_not_wanted_is_not_kept() -> None:
    script = ScriptedModel()
    model = cached(script)
    for _ in range(2):
        assert not (await heard(model, prompt(options=SamplingOptions())))[1].cached
    off = cached(script, wanted=False)
    for _ in range(2):
        assert not (await heard(off, prompt()))[1].cached
    assert len(script.prompts) == 4


@dataclass
class Ending(ScriptedModel):
    """Ends its answers as it is told."""

    reason: FinishReason = FinishReason.STOP
    why: str = ""
    provider: str = "scripted"
    switched: bool = False

    async def generate(self, asked: Prompt) -> Any:
        if self.switched:
            yield Switched(provider="other", model="script", reason="lost", offset=0)
        async for step in super().generate(asked):
            yield step

    def stats(self) -> GenerationStats:
        changes = {"finish_reason": self.reason, "reason": self.why, "provider": self.provider}
        return super().stats().model_copy(update=changes)


class LlamaCpp(DoorModel):
    """Answers as the provider that its list of models names."""

    def stats(self) -> GenerationStats:
        return super().stats().model_copy(update={"provider": "llama.cpp"})


@pytest.mark.parametrize(
    ("script", "options", "kept"),
    [
        (Ending(reason=FinishReason.LENGTH), CERTAIN, False),
        (Ending(reason=FinishReason.LENGTH), SamplingOptions(temperature=0, max_tokens=5), True),
        (Ending(reason=FinishReason.CANCELLED), CERTAIN, False),
        (Ending(why="Ollama was lost"), CERTAIN, False),
        (Ending(provider="other"), CERTAIN, False),
        (Ending(switched=True), CERTAIN, False),
        (Ending(), CERTAIN, True),
    ],
)
async def test_only_an_answer_that_always_comes_out_so_is_kept(
    script: Ending, options: SamplingOptions, kept: bool
) -> None:
    model = cached(script)
    await heard(model, prompt(options=options))
    assert (await heard(model, prompt(options=options)))[1].cached is kept


async def test_an_answer_that_failed_or_was_left_is_asked_again() -> None:
    script = ScriptedModel(fail_after=2, failure=EngineCrashed("It crashed."))
    model = cached(script)
    with pytest.raises(EngineCrashed):
        await heard(model, prompt())
    script.fail_after = None
    steps = model.generate(prompt())
    async for _ in steps:
        break
    await steps.aclose()
    assert script.closed.is_set()
    assert not (await heard(model, prompt()))[1].cached
    assert len(script.prompts) == 3


async def test_probabilities_and_tool_calls_come_again_as_they_were() -> None:
    token = TokenLogprob(
        text="Hello", bytes=(72,), logprob=-0.1, top=(LikelyToken(text="H", bytes=(72,), logprob=-1),)
    )
    script = LlamaCpp(calls=(ToolCall(id="1", name="look", arguments={"a": 1}),), logprobs=(token,))
    model = CachedLanguageModel(script, EmbeddedCache(), lambda: True)
    options = SamplingOptions(temperature=0, logprobs=True, top_logprobs=1)
    first, second = await heard(model, prompt(options=options)), await heard(model, prompt(options=options))
    assert second[2][:-1] == first[2][:-1]
    assert second[2][-1].tool_calls == script.calls
    assert second[1].cached


async def chat(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    body = {"content": "Hi", "stream": False, "options": {"temperature": 0}} | more
    answer = await client.post("/api/v1/chat", json=body)
    answer.raise_for_status()
    data: dict[str, Any] = answer.json()["data"]["answer"]
    return data


async def test_in_the_chat_it_is_off_as_delivered_and_marked_when_it_is_on(tmp_path: Path) -> None:
    script = ScriptedModel()
    async with opened(tmp_path, script) as services, served(services) as client:
        assert [(await chat(client))["stats"]["cached"] for _ in range(2)] == [False, False]
        await services.settings.change(SettingsPatch(cache_answers=True))
        assert [(await chat(client))["stats"]["cached"] for _ in range(2)] == [False, True]
        answer = await chat(client)
        assert answer["text"] == TEXT
        assert answer["status"] == "complete"
        path = f"/api/v1/conversations/{answer['conversation_id']}/messages"
        messages = (await client.get(path)).json()["data"]
        assert messages[-1]["stats"]["cached"], "the mark is kept with the message"
        assert not (await chat(client, options={"temperature": 0.5}))["stats"]["cached"]
        metrics = (await client.get("/metrics")).text
        assert 'sutazai_cache_lookups_total{kind="llm:cache",result="hit"} 2.0' in metrics
        assert 'sutazai_cache_lookups_total{kind="llm:cache",result="miss"} 1.0' in metrics


async def test_a_stream_ends_with_the_mark_and_the_doors_use_the_cache_too(tmp_path: Path) -> None:
    model = LlamaCpp()
    async with doors_open(tmp_path, model) as stage:
        await stage.services.settings.change(SettingsPatch(cache_answers=True))
        ends = []
        for _ in range(2):
            answer = await stage.own.post(
                "/api/v1/generate", json={"prompt": "Hi", "options": {"temperature": 0}}
            )
            last = answer.text.strip().split("\n\n")[-1]
            ends.append(orjson.loads(last.partition("data: ")[2])["stats"]["cached"])
        assert ends == [False, True]
        asked = len(model.prompts)
        body = {"model": "script", "prompt": "Hi", "stream": False, "options": {"temperature": 0}}
        texts = [(await stage.http.post("/api/generate", json=body)).json()["response"] for _ in range(3)]
        assert texts == [TEXT] * 3
        assert len(model.prompts) == asked + 1
