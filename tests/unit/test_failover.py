"""Ollama and llama.cpp as one model: who answers, the seam inside an answer, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from scripted_ollama import ScriptedOllama, scripted_ollama
from served_backend import ScriptedModel

from backend_embedded.contract.events import CapabilityChanged, Event, ModelsChanged, Notice
from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    FinishReason,
    Role,
    SamplingOptions,
    Switched,
    TextDelta,
)
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.contract.status import State
from backend_embedded.errors import (
    ContextExceeded,
    EngineCrashed,
    EngineMissing,
    InvalidInput,
    ModelNotFound,
)
from backend_embedded.llm.failover.language_model import FailoverLanguageModel
from backend_embedded.llm.ollama.language_model import OllamaLanguageModel
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import GenerationStep, Prompt
from backend_embedded.resilience.breaker import BreakerState, CircuitBreaker

HELLO = Prompt(turns=(ChatTurn(role=Role.USER, content="Hello"),))
LOCAL = [" six", " seven"]


class Local(ScriptedModel):
    """Stands for llama.cpp, with two models."""

    async def models(self) -> Sequence[Model]:
        (script,) = await super().models()
        other = script.model_copy(update={"name": "other", "default": False})
        return (script, other)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


class Stage:
    """A failover between a scripted server and a scripted local model."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.settings = BackendSettings(ollama_url=url, **settings)
        self.clock = Clock()
        self.told: list[Event] = []
        self.local = Local(words=LOCAL)
        self.breaker = CircuitBreaker(clock=self.clock)
        self.server = OllamaServer(lambda: self.settings, lambda: self.model.tell())
        self.model = FailoverLanguageModel(
            ollama=OllamaLanguageModel(self.server, lambda: self.settings),
            server=self.server,
            llama_cpp=self.local,
            settings=lambda: self.settings,
            publish=self.told.append,
            breaker=self.breaker,
            clock=self.clock,
        )

    async def ask(self, prompt: Prompt = HELLO) -> tuple[str, list[GenerationStep]]:
        events = await collected(self.model.generate(prompt))
        return "".join(event.text for event in events if isinstance(event, TextDelta)), events


async def collected(steps: AsyncGenerator[GenerationStep, None]) -> list[GenerationStep]:
    async with aclosing(steps) as events:
        return [event async for event in events]


@asynccontextmanager
async def staged(script: ScriptedOllama, **settings: Any) -> AsyncIterator[Stage]:
    stage = Stage(script.url, **settings)
    stage.model.relay(ModelsChanged(models=tuple(await stage.local.models())))
    async with stage.server:
        await stage.server.look()
        yield stage


def last(events: list[GenerationStep]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def seam(events: list[GenerationStep]) -> Switched:
    (found,) = (event for event in events if isinstance(event, Switched))
    return found


async def test_ollama_answers_when_it_is_there_without_a_reason() -> None:
    async with scripted_ollama() as script, staged(script) as stage:
        text, events = await stage.ask()
        assert text == "One two three four five"
        assert last(events).stats.provider == "ollama"
        assert last(events).stats.reason == ""
        assert stage.model.capability().provider == "ollama"
        assert stage.model.capability().state is State.OK


async def test_llama_cpp_answers_as_the_normal_form_when_there_never_was_a_server() -> None:
    async with scripted_ollama() as script:
        await script.stop()
        async with staged(script) as stage:
            text, events = await stage.ask()
            assert text == " six seven"
            assert last(events).stats.reason == ""
            assert not any(isinstance(event, Switched) for event in events)
            assert stage.model.capability().state is State.OK


async def test_ollama_lost_in_mid_answer_is_followed_from_what_was_there() -> None:
    async with scripted_ollama(die_after=3) as script, staged(script) as stage:
        text, events = await stage.ask()
        assert text == "One two three six seven"
        found = seam(events)
        assert found.offset == len("One two three")
        assert (found.provider, found.model) == ("llama.cpp", "script")
        assert "Ollama" in found.reason
        (prompt,) = stage.local.prompts
        assert prompt.continue_last
        assert prompt.turns[-1] == ChatTurn(role=Role.ASSISTANT, content="One two three")
        stats = last(events).stats
        assert stats.completion_tokens == 5
        assert stats.provider == "scripted"
        assert stats.reason == found.reason
        counts = [event.tokens for event in events if isinstance(event, TextDelta)]
        assert counts == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("how", ["end_after", "nonsense_after", "error_after"])
async def test_every_way_to_break_off_is_followed(how: str) -> None:
    async with scripted_ollama(**{how: 2}) as script, staged(script) as stage:
        text, events = await stage.ask()
        assert text == "One two six seven"
        assert seam(events).offset == len("One two")


async def test_a_failure_before_the_first_token_is_followed_too() -> None:
    async with scripted_ollama(refuse=(500, "something broke")) as script, staged(script) as stage:
        text, events = await stage.ask()
        assert text == " six seven"
        assert seam(events).offset == 0
        assert "something broke" in last(events).stats.reason
        assert not stage.local.prompts[0].continue_last


async def test_a_silent_server_is_left_after_the_time_for_the_first_token() -> None:
    async with scripted_ollama(silent=True) as script, staged(script) as stage:
        stage.settings = stage.settings.model_copy(update={"first_token_s": 0.2})
        text, events = await stage.ask()
        assert text == " six seven"
        assert "sent nothing" in seam(events).reason


async def test_a_raw_prompt_is_gone_on_with_as_text() -> None:
    async with scripted_ollama(die_after=1) as script, staged(script) as stage:
        await stage.ask(Prompt(raw="Count:"))
        assert stage.local.prompts[0].raw == "Count:One"


async def test_an_answer_that_was_being_continued_keeps_its_beginning() -> None:
    turns = (*HELLO.turns, ChatTurn(role=Role.ASSISTANT, content="Zero "))
    async with scripted_ollama(die_after=1) as script, staged(script) as stage:
        await stage.ask(Prompt(turns=turns, continue_last=True))
        assert stage.local.prompts[0].turns[-1].content == "Zero One"
        assert len(stage.local.prompts[0].turns) == 2


async def test_the_limit_of_tokens_holds_over_the_seam() -> None:
    async with scripted_ollama(die_after=3) as script, staged(script) as stage:
        await stage.ask(Prompt(turns=HELLO.turns, options=SamplingOptions(max_tokens=7)))
        assert stage.local.prompts[0].options.max_tokens == 4


async def test_a_server_lost_after_the_last_token_ends_the_answer_at_the_limit() -> None:
    async with scripted_ollama(die_after=3) as script, staged(script) as stage:
        text, events = await stage.ask(Prompt(turns=HELLO.turns, options=SamplingOptions(max_tokens=3)))
        assert text == "One two three"
        assert last(events).stats.finish_reason is FinishReason.LENGTH
        assert not stage.local.prompts


async def test_an_answer_held_to_a_schema_is_not_gone_on_with_by_another() -> None:
    options = SamplingOptions(json_schema={"type": "object"})
    async with scripted_ollama(die_after=2) as script, staged(script) as stage:
        with pytest.raises(EngineCrashed):
            await stage.ask(Prompt(turns=HELLO.turns, options=options))
        assert not stage.local.prompts


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ((400, "the input length exceeds the context length"), ContextExceeded),
        ((400, "invalid option"), InvalidInput),
    ],
)
async def test_what_is_the_callers_fault_never_switches(
    refusal: tuple[int, str], error: type[Exception]
) -> None:
    async with scripted_ollama(refuse=refusal) as script, staged(script) as stage:
        with pytest.raises(error):
            await stage.ask()
        assert not stage.local.prompts
        assert stage.breaker.state is BreakerState.CLOSED


async def test_when_both_fail_the_second_says_why() -> None:
    async with scripted_ollama(die_after=1) as script, staged(script) as stage:
        stage.local.fail_after = 0
        stage.local.failure = EngineMissing("llama.cpp is not built yet.")
        with pytest.raises(EngineMissing):
            await stage.ask()


async def test_leaving_during_the_second_part_stops_the_second_engine() -> None:
    async with scripted_ollama(die_after=1) as script, staged(script) as stage:
        stage.local.hold_after = 1
        async with aclosing(stage.model.generate(HELLO)) as events:
            async for event in events:
                if isinstance(event, TextDelta) and event.text == " six":
                    break
        await asyncio.wait_for(stage.local.closed.wait(), 3)


async def test_five_failures_open_the_circuit_and_it_returns_by_itself() -> None:
    async with scripted_ollama(refuse=(500, "broken")) as script, staged(script) as stage:
        for _ in range(5):
            await stage.ask()
        assert stage.breaker.state is BreakerState.OPEN
        asked = len(script.bodies("/api/chat"))
        _, events = await stage.ask()
        assert len(script.bodies("/api/chat")) == asked
        assert "asked again at" in last(events).stats.reason
        assert not any(isinstance(event, Switched) for event in events)
        capability = stage.model.capability()
        assert capability.state is State.DEGRADED
        assert "Ollama" in capability.reason
        assert stage.breaker.told in capability.reason
        script.refuse = None
        stage.clock.now_s += 30
        for _ in range(2):
            _, events = await stage.ask()
            assert last(events).stats.provider == "ollama"
        assert stage.breaker.state is BreakerState.CLOSED
        assert stage.model.capability().state is State.OK


async def test_losing_the_server_degrades_and_getting_it_back_mends() -> None:
    async with scripted_ollama() as script, staged(script) as stage:
        await stage.ask()
        await script.stop()
        await stage.ask()
        _, events = await stage.ask()
        assert last(events).stats.reason
        assert not any(isinstance(event, Switched) for event in events)
        lost = [event for event in stage.told if isinstance(event, CapabilityChanged)][-1].capability
        assert lost.state is State.DEGRADED
        assert "llama.cpp answers instead" in lost.reason
        await script.start()
        await stage.server.look()
        back = [event for event in stage.told if isinstance(event, CapabilityChanged)][-1].capability
        assert (back.state, back.provider) == (State.OK, "ollama")
        _, events = await stage.ask()
        assert last(events).stats.provider == "ollama"
        assert last(events).stats.reason == ""


async def test_a_model_goes_to_who_has_it_without_a_reason() -> None:
    async with scripted_ollama() as script, staged(script) as stage:
        _, events = await stage.ask(Prompt(raw="x", model="other"))
        assert last(events).stats.reason == ""
        assert stage.local.prompts[0].model == "other"
        _, events = await stage.ask(Prompt(raw="x", model="SMOL:latest"))
        assert last(events).stats.provider == "ollama"
        stage.local.fail_after, stage.local.failure = 0, ModelNotFound("none")
        with pytest.raises(ModelNotFound):
            await stage.ask(Prompt(raw="x", model="nobody-has-it"))


async def test_a_grammar_goes_to_llama_cpp_with_the_reason() -> None:
    async with scripted_ollama() as script, staged(script) as stage:
        _, events = await stage.ask(Prompt(raw="x", options=SamplingOptions(grammar='root ::= "a"')))
        assert "grammar" in last(events).stats.reason
        assert stage.local.prompts


async def test_a_default_that_is_nowhere_is_told_once_and_degrades_nothing() -> None:
    async with (
        scripted_ollama(models=["tinyllama:latest"]) as script,
        staged(script, default_model="gpt-oss") as stage,
    ):
        await stage.ask()
        await stage.server.look()
        stage.model.tell()
        (notice,) = (event for event in stage.told if isinstance(event, Notice))
        assert notice.actions == ("use_model:tinyllama", "pull:gpt-oss", "open_settings")
        assert "gpt-oss" in notice.title
        assert stage.model.capability().state is State.OK
        assert stage.model.notices() == (notice,)
        stage.settings = stage.settings.model_copy(update={"default_model": "tinyllama"})
        assert stage.model.notices() == ()


async def test_a_default_that_only_llama_cpp_has_is_answered_there_without_a_reason() -> None:
    async with scripted_ollama() as script, staged(script, default_model="other") as stage:
        _, events = await stage.ask()
        assert last(events).stats.provider == "scripted"
        assert last(events).stats.reason == ""
        assert not any(isinstance(event, Notice) for event in stage.told)


async def test_models_of_both_are_listed_with_one_default() -> None:
    async with scripted_ollama(models=["smol:latest", "script:latest"]) as script, staged(script) as stage:
        found = await stage.model.models()
        assert [(model.name, model.provider) for model in found] == [
            ("smol", "ollama"),
            ("script", "ollama"),
            ("other", "scripted"),
        ]
        assert [model.name for model in found if model.default] == ["smol"]


@pytest.mark.parametrize("provider", [ModelProvider.OLLAMA, ModelProvider.LLAMA_CPP])
async def test_one_provider_only_means_that_one(provider: ModelProvider) -> None:
    async with scripted_ollama(die_after=1) as script, staged(script, provider=provider) as stage:
        if provider is ModelProvider.LLAMA_CPP:
            text, _ = await stage.ask()
            assert text == " six seven"
        else:
            with pytest.raises(EngineCrashed):
                await stage.ask()
            assert not stage.local.prompts
            await script.stop()
            await stage.server.look()
            assert stage.model.capability().state is State.DOWN


async def test_counts_context_and_loading_follow_who_would_answer() -> None:
    async with scripted_ollama() as script, staged(script) as stage:
        assert (await stage.model.context()).provider == "ollama"
        assert (await stage.model.context("other")).provider == "scripted"
        assert list(await stage.model.count_texts(["two words"], "other")) == [2]
        await stage.model.load()
        assert script.loaded
        await stage.model.unload("smol")
        assert not script.loaded
        assert (await stage.model.embed(["a"])).vectors == ((0.6, 0.8),)
