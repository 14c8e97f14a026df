"""The Ollama adapter against a scripted server on a real socket: what it asks, and how it takes every failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from scripted_ollama import ScriptedOllama, scripted_ollama

from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    Role,
    SamplingOptions,
    TextDelta,
    Tool,
)
from backend_embedded.contract.models import ModelSource
from backend_embedded.contract.ollama import OllamaState
from backend_embedded.contract.settings import BackendSettings, ModelProvider
from backend_embedded.contract.status import State
from backend_embedded.errors import (
    ContextExceeded,
    ControlCenterError,
    EngineCrashed,
    EngineError,
    InvalidInput,
    ModelLoading,
    ModelNotFound,
    ModelUnsupported,
    NotEnoughMemory,
    QueueFull,
    TimedOut,
)
from backend_embedded.llm.ollama.client import OllamaClient
from backend_embedded.llm.ollama.language_model import OllamaLanguageModel
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import Prompt

HELLO = Prompt(turns=(ChatTurn(role=Role.USER, content="Hello"),), options=SamplingOptions(seed=7))


class Opened:
    """An adapter that has looked once, its server, and how often a change was told."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.settings = BackendSettings(ollama_url=url, **settings)
        self.changes = 0
        self.server = OllamaServer(lambda: self.settings, self._changed)
        self.model = OllamaLanguageModel(self.server, lambda: self.settings)

    def _changed(self) -> None:
        self.changes += 1

    async def text(self, prompt: Prompt = HELLO) -> tuple[str, Finished]:
        text = ""
        async with aclosing(self.model.generate(prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        text += event.text
                    case Finished():
                        return text, event
        raise AssertionError("no end")


async def listen(model: OllamaLanguageModel, pieces: list[str]) -> None:
    async with aclosing(model.generate(HELLO)) as events:
        async for event in events:
            assert isinstance(event, TextDelta)
            pieces.append(event.text)


@asynccontextmanager
async def opened(script: ScriptedOllama, **settings: Any) -> AsyncIterator[Opened]:
    one = Opened(script.url, **settings)
    async with one.server:
        await one.server.look()
        yield one


async def test_what_the_server_has_is_listed_with_its_details() -> None:
    async with (
        scripted_ollama(models=["smol:latest", "big:7b"], capabilities=["completion", "tools"]) as script,
        opened(script) as one,
    ):
        first, second = await one.model.models()
        assert (first.name, second.name) == ("smol", "big:7b")
        assert first.default
        assert not second.default
        assert first.provider == "ollama"
        assert first.source is ModelSource.OLLAMA
        assert first.quantization == "Q4_1"
        assert first.context_length == 8192
        assert first.parameters == 134_515_008
        assert first.license == "apache-2.0"
        assert first.tools
        assert not first.embeds
        capability = one.model.capability()
        assert capability.state is State.OK
        assert capability.product == "Ollama 0.0.1-scripted · smol"


async def test_details_are_asked_for_once() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        await one.server.look()
        await one.server.look()
        assert len(script.bodies("/api/show")) == 1


async def test_an_answer_comes_in_pieces_with_the_servers_figures() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        text, last = await one.text()
        assert text == "One two three four five"
        stats = last.stats
        assert stats.provider == "ollama"
        assert stats.model == "smol"
        assert (stats.prompt_tokens, stats.completion_tokens) == (26, 5)
        assert stats.tokens_per_s == pytest.approx(20)
        assert stats.seed == 7


async def test_nothing_is_cut_or_shifted_and_the_load_options_stay_the_same() -> None:
    async with scripted_ollama() as script, opened(script, threads=3, context_size=2048) as one:
        await one.text()
        await one.model.load()
        (chat,), (load,) = script.bodies("/api/chat"), script.bodies("/api/generate")
        assert chat["truncate"] is False
        assert chat["shift"] is False
        assert chat["options"]["num_ctx"] == load["options"]["num_ctx"] == 2048
        assert chat["options"]["num_thread"] == load["options"]["num_thread"] == 3
        assert chat["keep_alive"] == load["keep_alive"] == 300


async def test_options_tools_and_a_schema_are_handed_on() -> None:
    schema = {"type": "object"}
    options = SamplingOptions(
        temperature=0.3, top_k=5, top_p=0.5, min_p=0.1, repeat_penalty=1.2, max_tokens=9, stop=("x",),
        seed=3, json_schema=schema, logprobs=True, top_logprobs=2,
    )  # fmt: skip
    tool = Tool(name="add", description="Adds.", parameters={"type": "object", "properties": {}})
    async with scripted_ollama() as script, opened(script) as one:
        await one.text(Prompt(turns=HELLO.turns, options=options, tools=(tool,), keep_alive_s=60))
        (body,) = script.bodies("/api/chat")
        sent = body["options"]
        assert (sent["temperature"], sent["top_k"], sent["num_predict"], sent["seed"]) == (0.3, 5, 9, 3)
        assert sent["stop"] == ["x"]
        assert body["format"] == schema
        assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
        assert body["tools"][0]["function"]["name"] == "add"
        assert body["keep_alive"] == 60


async def test_tool_calls_come_with_the_end() -> None:
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    async with (
        scripted_ollama(
            words=[], last_line={"message": {"role": "assistant", "tool_calls": [call]}}
        ) as script,
        opened(script) as one,
    ):
        _, last = await one.text(Prompt(turns=HELLO.turns, tools=(Tool(name="add"),)))
        (found,) = last.tool_calls
        assert (found.name, found.arguments) == ("add", {"a": 1})
        assert found.id


async def test_log_probabilities_are_told() -> None:
    likely = [
        {
            "token": "é",
            "logprob": -0.1,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "é", "logprob": -0.1}],
        }
    ]
    async with scripted_ollama(words=["é"], extra={"logprobs": likely}) as script, opened(script) as one:
        async with aclosing(one.model.generate(HELLO)) as events:
            first = await anext(events)
        assert isinstance(first, TextDelta)
        (token,) = first.logprobs
        assert (token.text, token.logprob, token.bytes) == ("é", -0.1, (195, 169))
        assert token.top[0].bytes == (195, 169)


async def test_thinking_is_shown_between_marks() -> None:
    async with (
        scripted_ollama(words=["x"], extra={"message": {"thinking": "hm", "content": "yes"}}) as script,
        opened(script) as one,
    ):
        text, _ = await one.text()
        assert text == "<think>\nhm\n</think>\n\nyes"


async def test_an_answer_is_gone_on_with_through_the_rendered_template() -> None:
    turns = (*HELLO.turns, ChatTurn(role=Role.ASSISTANT, content="One tw"))
    async with scripted_ollama() as script, opened(script) as one:
        await one.text(Prompt(turns=turns, continue_last=True))
        (body,) = script.bodies("/api/generate")
        assert body["raw"] is True
        assert body["prompt"] == "<user>Hello<assistant>One tw"


async def test_a_server_that_renders_nothing_gets_the_beginning_as_the_last_message() -> None:
    turns = (*HELLO.turns, ChatTurn(role=Role.ASSISTANT, content="One tw"))
    async with scripted_ollama(renders=False) as script, opened(script) as one:
        await one.text(Prompt(turns=turns, continue_last=True))
        assert script.bodies("/api/chat")[-1]["messages"][-1] == {"role": "assistant", "content": "One tw"}


async def test_raw_text_is_sent_as_it_stands() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        text, _ = await one.text(Prompt(raw="The capital is"))
        (body,) = script.bodies("/api/generate")
        assert (body["prompt"], body["raw"]) == ("The capital is", True)
        assert text.startswith("One")


async def test_leaving_an_answer_closes_the_socket() -> None:
    async with scripted_ollama(hold_after=2) as script, opened(script) as one:
        async with aclosing(one.model.generate(HELLO)) as events:
            await anext(events)
        await asyncio.wait_for(script.closed.wait(), 3)


@pytest.mark.parametrize("how", ["die_after", "end_after", "nonsense_after", "error_after"])
async def test_an_answer_without_its_end_is_a_crash(how: str) -> None:
    async with scripted_ollama(**{how: 2}) as script, opened(script) as one:
        pieces: list[str] = []
        with pytest.raises(EngineCrashed):
            await listen(one.model, pieces)
        assert pieces == ["One", " two"]


async def test_only_the_first_token_has_a_time_limit() -> None:
    async with scripted_ollama(silent=True) as script, opened(script, first_token_s=1) as one:
        one.settings = one.settings.model_copy(update={"first_token_s": 0.2})
        with pytest.raises(TimedOut):
            await one.text()


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (404, "model 'smol' not found", ModelNotFound),
        (400, "the input length exceeds the context length", ContextExceeded),
        (400, '"smol" does not support tools', ModelUnsupported),
        (400, "top_logprobs must be between 0 and 20", InvalidInput),
        (500, "invalid JSON schema in format", InvalidInput),
        (500, "model requires more system memory (8.0 GiB) than is available (2.0 GiB)", NotEnoughMemory),
        (500, "something broke", EngineCrashed),
        (503, "server busy, please try again.", QueueFull),
    ],
)
async def test_each_refusal_has_its_error(status: int, text: str, error: type[ControlCenterError]) -> None:
    async with scripted_ollama(refuse=(status, text)) as script, opened(script) as one:
        with pytest.raises(error) as caught:
            await one.text()
        if error is ContextExceeded:
            assert caught.value.details["context_size"] == 4096
            assert caught.value.details["prompt_tokens"] > 4096


async def test_grammars_are_refused() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        with pytest.raises(InvalidInput):
            await one.text(Prompt(turns=HELLO.turns, options=SamplingOptions(grammar='root ::= "a"')))


async def test_an_unknown_model_is_told_without_asking() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        with pytest.raises(ModelNotFound):
            await one.text(Prompt(raw="x", model="other"))
        assert not script.bodies("/api/generate")


async def test_counts_are_estimates_and_say_so() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        facts = await one.model.context()
        assert not facts.exact
        assert (facts.size, facts.largest) == (4096, 8192)
        assert list(await one.model.count_texts(["", "a" * 36])) == [0, 10]
        assert await one.model.count_tokens(HELLO) > 2


async def test_vectors_have_length_one() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        found = await one.model.embed(["a", "b"])
        assert found.vectors == ((0.6, 0.8), (0.6, 0.8))
        assert found.prompt_tokens == 7
        assert (await one.model.embed([])).vectors == ()


async def test_models_are_loaded_and_unloaded() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        await one.model.load()
        assert (await one.model.models())[0].loaded
        status = await one.server.status()
        assert [running.name for running in status.running] == ["smol"]
        await one.model.unload("smol")
        assert not (await one.model.models())[0].loaded


async def test_a_larger_context_is_kept_for_the_model() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        await one.model.load("smol", 6000)
        await one.text()
        assert script.bodies("/api/chat")[0]["options"]["num_ctx"] == 6000
        assert (await one.model.context()).size == 6000


async def test_a_dead_port_is_told_at_once() -> None:
    async with scripted_ollama() as script:
        await script.stop()
        async with opened(script) as one:
            status = await one.server.status()
            assert status.state is OllamaState.ABSENT
            assert script.url in status.reason
            assert one.model.capability().state is State.DOWN
            with pytest.raises(EngineError):
                await one.text()


async def test_a_hung_server_costs_a_second_and_no_answer() -> None:
    async with scripted_ollama(hung=True) as script:
        clock = asyncio.get_running_loop().time
        before_s = clock()
        async with opened(script) as one:
            assert not one.server.ready
            assert "time-out" in one.server.reason
        assert clock() - before_s < 5


async def test_the_second_usual_address_is_asked_after_the_first() -> None:
    async with scripted_ollama() as first, scripted_ollama() as second:
        await first.stop()
        settings = BackendSettings()
        server = OllamaServer(lambda: settings, lambda: None, usual_urls=(first.url, second.url))
        async with server:
            await server.look()
            assert server.ready
            assert server.url == second.url


async def test_llama_cpp_only_looks_for_no_server() -> None:
    async with scripted_ollama() as script, opened(script, provider=ModelProvider.LLAMA_CPP) as one:
        assert (await one.server.status()).state is OllamaState.OFF
        assert not script.asked


async def test_a_change_is_told_and_only_a_change() -> None:
    async with scripted_ollama() as script, opened(script) as one:
        told = one.changes
        await one.server.look()
        assert one.changes == told
        script.models.append("more:1b")
        await one.server.look()
        assert one.changes == told + 1


async def test_a_pull_tells_its_progress_and_the_model_is_there() -> None:
    lines = [
        {"status": "pulling manifest"},
        {"status": "pulling abc", "digest": "sha256:abc", "total": 100, "completed": 40},
        {"status": "success"},
    ]
    async with scripted_ollama(pull_lines=lines) as script, opened(script) as one:
        script.models.append("more:1b")
        async with aclosing(one.server.pull("more:1b")) as events:
            found = [event async for event in events]
        assert [event.done for event in found] == [False, False, True]
        assert (found[1].completed_bytes, found[1].total_bytes) == (40, 100)
        assert one.server.named("more:1b") is not None


async def test_a_pull_of_nothing_known_is_told() -> None:
    lines = [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}]
    async with scripted_ollama(pull_lines=lines) as script, opened(script) as one:
        with pytest.raises(ModelNotFound):
            [event async for event in one.server.pull("no-such")]


async def test_a_model_is_deleted() -> None:
    async with scripted_ollama(models=["smol:latest", "old:1b"]) as script, opened(script) as one:
        await one.server.delete("old:1b")
        assert [model.name for model in await one.model.models()] == ["smol"]
        with pytest.raises(ModelNotFound):
            await one.server.delete("old:1b")


@pytest.mark.parametrize(("refusals", "pauses"), [(1, [2.0]), (2, [2.0])])
async def test_a_model_that_is_loading_is_asked_once_more(refusals: int, pauses: list[float]) -> None:
    slept: list[float] = []
    async with scripted_ollama(refuse=(503, "llm server loading model")) as there:

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            if refusals == 1:
                there.refuse = None

        client = OllamaClient(there.url, sleep)
        lines = client.lines("/api/chat", {"model": "smol", "messages": []}, 10, 10)
        if refusals == 1:
            assert (await anext(lines))["message"]["content"] == "One"
        else:
            with pytest.raises(ModelLoading, match="still loading smol"):
                await anext(lines)
        await lines.aclose()
        await client.aclose()
    assert slept == pauses
