"""What every provider of language models does; each adapter brings its own fixture."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio
from own_time import kept_waiting_s, own_s
from real_ollama import MODEL, RealOllama, real_ollama

from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    FinishReason,
    GenerationStats,
    PromptProgress,
    Queued,
    Role,
    SamplingOptions,
    TextDelta,
)
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import State
from backend_embedded.errors import ContextExceeded, InvalidInput, ModelNotFound
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.ollama.language_model import OllamaLanguageModel
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import LanguageModel, Prompt

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONTEXT_SIZE = 2048


def ask(text: str, *more: str, **options: Any) -> Prompt:
    """A prompt of alternating turns, the user's first."""
    roles = (Role.USER, Role.ASSISTANT)
    turns = tuple(ChatTurn(role=roles[at % 2], content=part) for at, part in enumerate((text, *more)))
    return Prompt(turns=turns, options=SamplingOptions(**({"seed": 1, "max_tokens": 24} | options)))


async def answer(model: LanguageModel, prompt: Prompt) -> tuple[str, GenerationStats]:
    text = ""
    async with aclosing(model.generate(prompt)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    text += event.text
                case Finished():
                    return text, event.stats
    raise AssertionError("the answer did not finish")


class LanguageModelContract:
    """The suite; a subclass gives the fixture `model`, whose context is CONTEXT_SIZE tokens.

    Attributes:
        knows_grammars: answers can be held to a GBNF grammar; else one is refused.
        tells_the_wait: the place in the queue and the progress of the reading are told.
        tells_the_cache: the tokens whose state was kept are told.
    """

    knows_grammars = True
    tells_the_wait = True
    tells_the_cache = True

    async def test_it_answers_in_pieces_and_tells_its_counts(self, model: LanguageModel) -> None:
        async with aclosing(model.generate(ask("What is a container?", max_tokens=40))) as events:
            pieces = [event async for event in events]
        texts = [event for event in pieces if isinstance(event, TextDelta)]
        last = pieces[-1]
        assert isinstance(last, Finished)
        assert len(texts) > 2
        assert [event.tokens for event in texts] == sorted(event.tokens for event in texts)
        stats = last.stats
        assert stats.completion_tokens == 40
        assert stats.finish_reason is FinishReason.LENGTH
        assert stats.prompt_tokens > 5
        assert stats.tokens_per_s > 0
        assert 0 < stats.prompt_ms <= stats.ttft_ms
        assert stats.seed == 1
        assert "container" in "".join(event.text for event in texts).lower()

    async def test_the_same_seed_gives_the_same_answer(self, model: LanguageModel) -> None:
        first, _ = await answer(model, ask("Tell me about the sea.", seed=5, temperature=1.0))
        again, _ = await answer(model, ask("Tell me about the sea.", seed=5, temperature=1.0))
        other, stats = await answer(model, ask("Tell me about the sea.", seed=6, temperature=1.0))
        assert first == again
        assert first != other
        assert stats.seed == 6

    async def test_a_seed_that_was_drawn_is_told(self, model: LanguageModel) -> None:
        _, stats = await answer(model, ask("Say something.", seed=None, temperature=1.0))
        first, told = await answer(model, ask("Say something.", seed=stats.seed, temperature=1.0))
        again, _ = await answer(model, ask("Say something.", seed=stats.seed, temperature=1.0))
        assert told.seed == stats.seed
        assert first == again

    async def test_temperature_zero_needs_no_seed(self, model: LanguageModel) -> None:
        first, _ = await answer(model, ask("Name a fruit.", seed=1, temperature=0))
        again, _ = await answer(model, ask("Name a fruit.", seed=2, temperature=0))
        assert first == again

    async def test_a_stop_string_ends_the_answer_before_it(self, model: LanguageModel) -> None:
        whole, _ = await answer(model, ask("What is a container?", temperature=0))
        stop = whole[12:17]
        text, stats = await answer(model, ask("What is a container?", temperature=0, stop=(stop,)))
        assert text == whole[: whole.index(stop)]
        assert stats.finish_reason is FinishReason.STOP

    async def test_an_answer_is_gone_on_with(self, model: LanguageModel) -> None:
        prompt = ask("Count from one to ten.", "One, two, three,", temperature=0, max_tokens=12)
        text, _ = await answer(model, Prompt(turns=prompt.turns, continue_last=True, options=prompt.options))
        assert "four" in text.lower()

    async def test_raw_text_is_gone_on_with(self, model: LanguageModel) -> None:
        options = SamplingOptions(temperature=0, max_tokens=4)
        text, stats = await answer(model, Prompt(raw="The capital of France is", options=options))
        assert "Paris" in text
        assert stats.prompt_tokens < 8

    async def test_the_prefix_of_the_last_turn_is_reused(self, model: LanguageModel) -> None:
        question = "Explain in some words what a ship is, and what it is used for on the sea today."
        text, first = await answer(model, ask(question, temperature=0))
        _, second = await answer(model, ask(question, text, "And a boat?", temperature=0))
        assert second.cached_tokens >= (first.prompt_tokens if self.tells_the_cache else 0)

    async def test_a_prompt_read_ahead_gives_the_same_answer(self, model: LanguageModel) -> None:
        draft = "Tell me of the harbour with the green door and the seven ships"
        asked = ask(draft + " of last winter.", temperature=0)
        await model.load()
        await model.read_ahead(ask(draft, temperature=0))
        ahead, stats = await answer(model, asked)
        plain, _ = await answer(model, asked)
        assert ahead[:20] == plain[:20]  # sums, and so near ties, differ a little with how a prompt was cut
        assert stats.cached_tokens >= (len(draft.split()) if self.tells_the_cache else 0)

    async def test_a_prompt_read_ahead_is_in_nobodys_way(self, model: LanguageModel) -> None:
        reading = asyncio.create_task(model.read_ahead(ask("Once upon a time. " * 200, temperature=0)))
        text, _ = await answer(model, ask("Say hello.", temperature=0))
        assert text
        await asyncio.wait_for(reading, 60)

    async def test_a_prompt_over_the_context_is_refused_with_the_counts(self, model: LanguageModel) -> None:
        with pytest.raises(ContextExceeded) as caught:
            await answer(model, ask("word " * (CONTEXT_SIZE + 100)))
        assert caught.value.details["prompt_tokens"] > CONTEXT_SIZE
        assert caught.value.details["context_size"] == CONTEXT_SIZE

    async def test_output_obeys_a_json_schema(self, model: LanguageModel) -> None:
        schema = {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
            "required": ["name", "age"],
        }
        text, stats = await answer(model, ask("Describe a person.", json_schema=schema, max_tokens=80))
        assert stats.finish_reason is FinishReason.STOP
        assert set(json.loads(text)) == {"name", "age"}

    async def test_output_obeys_a_grammar(self, model: LanguageModel) -> None:
        prompt = ask("Is water wet?", grammar='root ::= "yes" | "no"')
        if not self.knows_grammars:
            with pytest.raises(InvalidInput):
                await answer(model, prompt)
            return
        text, _ = await answer(model, prompt)
        assert text in {"yes", "no"}

    @pytest.mark.parametrize(
        "options",
        [
            {"grammar": "root ::= ("},
            {"grammar": "nothing"},
            {"json_schema": {"$ref": "https://example.org/schema.json"}},
            {"json_schema": {"type": "object"}, "grammar": 'root ::= "a"'},
        ],
    )
    async def test_a_grammar_that_cannot_be_used_is_refused(
        self, model: LanguageModel, options: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInput):
            await answer(model, ask("Hello", **options))

    async def test_characters_of_several_tokens_stay_whole(self, model: LanguageModel) -> None:
        signs = "🦜🌊 ünïcödé 漢字 👩‍🚀"
        held: dict[str, Any] = {"grammar": f'root ::= "{signs}"'}
        if not self.knows_grammars:
            held = {
                "json_schema": {"type": "object", "properties": {"it": {"const": signs}}, "required": ["it"]}
            }
        text, _ = await answer(model, ask("Write signs.", max_tokens=80, **held))
        assert text == signs if self.knows_grammars else json.loads(text) == {"it": signs}

    async def test_six_at_once_are_all_answered_and_two_are_told_their_place(
        self, model: LanguageModel
    ) -> None:
        places: list[int] = []

        async def one(number: int) -> str:
            text = ""
            prompt = ask(f"Tell me about the number {number}.", max_tokens=16)
            async with aclosing(model.generate(prompt)) as events:
                async for event in events:
                    match event:
                        case Queued():
                            places.append(event.place)
                        case TextDelta():
                            text += event.text
            return text

        texts = await asyncio.gather(*(one(number) for number in range(6)))
        assert all(texts)
        assert not self.tells_the_wait or set(places) >= {1, 2}

    async def test_leaving_an_answer_stops_the_engine(self, model: LanguageModel) -> None:
        async with aclosing(model.generate(ask("Write a long story.", max_tokens=None))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
            before_s = own_s()
        assert own_s() - before_s < 0.3
        kept_s = kept_waiting_s()
        _, stats = await answer(model, ask("Hello", max_tokens=2))
        assert stats.queue_ms / 1000 - (kept_waiting_s() - kept_s) < 0.1
        assert await self.falls_idle(model)

    async def test_leaving_while_the_prompt_is_read_stops_the_engine(self, model: LanguageModel) -> None:
        if not self.tells_the_wait:
            return
        numbers = " ".join(str(number) for number in range(450))
        async with aclosing(model.generate(ask(numbers))) as events:
            async for event in events:
                if isinstance(event, PromptProgress):
                    break
            assert isinstance(event, PromptProgress)
            assert event.done < event.total
            before_s = own_s()
        assert own_s() - before_s < 0.3

    async def test_a_cancelled_task_stops_the_engine(self, model: LanguageModel) -> None:
        writing = asyncio.Event()

        async def write() -> None:
            async with aclosing(model.generate(ask("Write a long story.", max_tokens=None))) as events:
                async for _ in events:
                    writing.set()

        task = asyncio.create_task(write())
        await writing.wait()
        assert await self.is_busy(model)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await self.falls_idle(model)

    async def test_tokens_are_counted_as_the_engine_counts_them(self, model: LanguageModel) -> None:
        prompt = ask("What is a container?", max_tokens=1)
        _, stats = await answer(model, prompt)
        counted = await model.count_tokens(prompt)
        if (await model.context()).exact:
            assert counted == stats.prompt_tokens
        else:
            assert counted == pytest.approx(stats.prompt_tokens, rel=0.6)

    async def test_vectors_have_length_one_and_likeness(self, model: LanguageModel) -> None:
        texts = ["a cat sat on the mat", "a cat is on the mat", "stock prices fell in March"]
        result = await model.embed(texts)
        assert len(result.vectors) == 3
        assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-6) for vector in result.vectors)
        assert _dot(*result.vectors[:2]) > _dot(result.vectors[0], result.vectors[2])
        assert result.prompt_tokens > 10

    async def test_no_texts_give_no_vectors(self, model: LanguageModel) -> None:
        assert (await model.embed([])).vectors == ()

    async def test_an_unknown_model_is_told(self, model: LanguageModel) -> None:
        with pytest.raises(ModelNotFound):
            await answer(model, Prompt(raw="x", model="no-such-model"))

    @pytest.mark.leaves("threads", "children", "tasks")
    async def test_models_are_listed_loaded_and_unloaded(self, model: LanguageModel) -> None:
        await model.load()
        (default,) = [item for item in await model.models() if item.default]
        assert default.loaded
        await model.unload(default.name)
        (default,) = [item for item in await model.models() if item.default]
        assert not default.loaded
        assert model.capability().state is State.OK
        text, _ = await answer(model, ask("Hello"))
        assert text

    async def is_busy(self, model: LanguageModel) -> bool:
        """Whether the engine works on a request now."""
        raise NotImplementedError

    async def falls_idle(self, model: LanguageModel) -> bool:
        """Whether the engine works on nothing any more."""
        return not await self.is_busy(model)


def _dot(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    return math.fsum(one * other for one, other in zip(left, right, strict=True))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LlamaCppLanguageModel]:
    folder = tmp_path_factory.mktemp("language-model")
    adapter = LlamaCppLanguageModel(
        library=ModelLibrary(folder / "cache", find_starter()),
        models_folder=folder / "models",
        settings=lambda: BackendSettings(context_size=CONTEXT_SIZE),
        publish=lambda event: None,
    )
    async with adapter:
        await adapter.load()
        yield adapter


class TestLlamaCpp(LanguageModelContract):
    """llama.cpp with the starter model, in a real runner process."""

    @pytest.fixture
    def model(self, llama_cpp: LlamaCppLanguageModel) -> LanguageModel:
        return llama_cpp

    async def is_busy(self, model: LanguageModel) -> bool:
        assert isinstance(model, LlamaCppLanguageModel)
        return any(runner.active for runner in model.runners())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ollama(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[OllamaLanguageModel, RealOllama]]:
    starter = find_starter()
    assert starter is not None
    settings = BackendSettings(context_size=CONTEXT_SIZE, threads=2)
    async with real_ollama(tmp_path_factory.mktemp("ollama"), starter) as real:
        settings = settings.model_copy(update={"ollama_url": real.url, "ollama_model": MODEL})
        async with OllamaServer(lambda: settings, lambda: None) as server:
            await server.look()
            adapter = OllamaLanguageModel(server, lambda: settings)
            await adapter.load()
            yield adapter, real


@pytest.mark.services
@pytest.mark.timeout(600)
@pytest.mark.leaves("threads", "children", "tasks")
class TestOllama(LanguageModelContract):
    """A real Ollama server with the starter model."""

    knows_grammars = False
    tells_the_wait = False
    tells_the_cache = False

    @pytest.fixture
    def model(self, ollama: tuple[OllamaLanguageModel, RealOllama]) -> LanguageModel:
        self.real = ollama[1]
        return ollama[0]

    async def is_busy(self, model: LanguageModel) -> bool:
        return await self.real.runner_is_busy()

    async def falls_idle(self, model: LanguageModel) -> bool:
        return await self.real.runner_falls_idle()
