"""Both doors with a real Ollama server behind them, through the official clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import ollama
import pytest
import pytest_asyncio
from door_stage import DoorStage, doors_open
from real_ollama import MODEL, RealOllama, real_ollama

from backend_embedded.contract.settings import BackendSettings, LocalApi
from backend_embedded.llm.files.library import find_starter
from backend_embedded.llm.ollama.language_model import OllamaLanguageModel
from backend_embedded.llm.ollama.server import OllamaServer

pytestmark = [
    pytest.mark.services,
    pytest.mark.timeout(600),
    pytest.mark.leaves("children", "threads"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealOllama]:
    starter = find_starter()
    assert starter is not None
    async with real_ollama(tmp_path_factory.mktemp("ollama"), starter) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, real: RealOllama) -> AsyncIterator[DoorStage]:
    folder = tmp_path_factory.mktemp("doors-over-ollama")
    async with AsyncExitStack() as stack:
        settings = BackendSettings(ollama_url=real.url, context_size=2048, threads=2)
        server = OllamaServer(lambda: settings, lambda: None)
        await stack.enter_async_context(server)
        await server.look()
        model = OllamaLanguageModel(server, lambda: settings)
        yield await stack.enter_async_context(doors_open(folder, model, LocalApi.KEY, server=server))


async def test_it_is_listed_and_shown(stage: DoorStage) -> None:
    assert [one.model for one in (await stage.ollama.list()).models] == [MODEL]
    assert [one.id async for one in stage.openai.models.list()] == [MODEL]
    shown = await stage.ollama.show(MODEL)
    assert shown.details is not None
    assert shown.details.quantization_level == "Q4_1"


async def test_it_chats_through_both(stage: DoorStage) -> None:
    turns = [{"role": "user", "content": "Name one ship."}]
    whole = await stage.ollama.chat(MODEL, turns, options={"temperature": 0, "num_predict": 8})
    assert whole.message.content
    assert whole.eval_count is not None
    assert 0 < whole.eval_count <= 8
    pieces = [
        part
        async for part in await stage.ollama.chat(
            MODEL, turns, stream=True, options={"temperature": 0, "num_predict": 8}
        )
    ]
    assert len(pieces) > 1
    assert pieces[-1].done
    other = await stage.openai.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Name one ship."}],
        max_tokens=8,
        temperature=0,
    )
    assert other.choices[0].message.content == whole.message.content
    assert other.usage is not None
    assert other.usage.prompt_tokens == whole.prompt_eval_count


async def test_it_generates_and_embeds(stage: DoorStage) -> None:
    raw = await stage.ollama.generate(
        MODEL, "The capital of France is", raw=True, options={"num_predict": 4, "temperature": 0}
    )
    assert "Paris" in raw.response
    vectors = (await stage.ollama.embed(MODEL, ["a ship", "a boat"])).embeddings
    other = await stage.openai.embeddings.create(model=MODEL, input=["a ship"])
    assert len(vectors) == 2
    assert other.data[0].embedding == pytest.approx(list(vectors[0]), abs=1e-5)


async def test_it_is_shown_copied_and_deleted_there(stage: DoorStage) -> None:
    shown = await stage.ollama.show(MODEL)
    assert "<|im_start|>{{ .Role }}" in (shown.template or "")  # the Go template that the server keeps
    assert "<|im_end|>" in (shown.parameters or "")
    await stage.ollama.copy(MODEL, "a-copy")
    assert "a-copy" in {one.model for one in (await stage.ollama.list()).models}
    turns = [{"role": "user", "content": "Name one ship."}]
    assert (
        await stage.ollama.chat("a-copy", turns, options={"temperature": 0, "num_predict": 2})
    ).message.content
    await stage.ollama.delete("a-copy")
    assert [one.model for one in (await stage.ollama.list()).models] == [MODEL]
    with pytest.raises(ollama.ResponseError) as caught:
        await stage.ollama.delete("a-copy")
    assert caught.value.status_code == 404
