"""A model that makes vectors and writes no text, in llama.cpp."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from retemplated import pooling
from served_backend import opened, served
from tiny_bert import CLS, CONTEXT, MEAN, WIDTH, write_tiny_bert

from backend_embedded.contract.generation import ChatTurn, Role
from backend_embedded.contract.settings import BackendSettings, LocalApi, SettingsPatch
from backend_embedded.errors import ContextExceeded, ModelUnsupported
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.port import Prompt

LAST = 3
"""Pooling: the vector of the last token."""
TEXT, OTHER = "the ship sails to the green harbour", "a door is home"


@pytest_asyncio.fixture
async def model(tmp_path: Path) -> AsyncIterator[LlamaCppLanguageModel]:
    models = tmp_path / "models"
    models.mkdir()
    write_tiny_bert(models / "tiny-mean.gguf", MEAN)
    write_tiny_bert(models / "tiny-cls.gguf", CLS)
    settings = BackendSettings(threads=1, keep_alive_s=-1)
    async with LlamaCppLanguageModel(
        library=ModelLibrary(tmp_path / "cache", find_starter()),
        models_folder=models,
        settings=lambda: settings,
        publish=lambda event: None,
    ) as made:
        yield made


async def test_it_makes_vectors_of_length_one_and_the_same_for_the_same_text(
    model: LlamaCppLanguageModel,
) -> None:
    found = await model.embed([TEXT, OTHER, TEXT], "tiny-mean")
    first, other, again = found.vectors
    assert {len(vector) for vector in found.vectors} == {WIDTH}
    assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-6) for vector in found.vectors)
    assert first == again
    assert sum(a * b for a, b in zip(first, other, strict=True)) < 0.999
    # Seven words and four, each text between [CLS] and [SEP].
    assert found.prompt_tokens == (7 + 2) + (4 + 2) + (7 + 2)
    assert list(await model.count_texts([TEXT, OTHER], "tiny-mean")) == [7, 4]


async def test_the_pooling_is_that_of_the_file(model: LlamaCppLanguageModel) -> None:
    (mean,) = (await model.embed([TEXT], "tiny-mean")).vectors
    (cls,) = (await model.embed([TEXT], "tiny-cls")).vectors
    assert max(abs(a - b) for a, b in zip(mean, cls, strict=True)) > 0.01


async def test_a_text_longer_than_it_reads_is_refused_with_the_counts(model: LlamaCppLanguageModel) -> None:
    with pytest.raises(ContextExceeded) as caught:
        await model.embed(["sea " * CONTEXT], "tiny-mean")
    assert caught.value.details["prompt_tokens"] == CONTEXT + 2
    assert caught.value.details["context_size"] == CONTEXT
    assert (await model.embed(["sea " * (CONTEXT - 2)], "tiny-mean")).prompt_tokens == CONTEXT


async def test_the_memory_that_is_told_is_enough_for_the_longest_text(tmp_path: Path) -> None:
    long = 4096
    file = write_tiny_bert(tmp_path / "long.gguf", context=long)
    settings = BackendSettings(threads=1, keep_alive_s=-1, context_size=long)
    async with LlamaCppLanguageModel(
        library=ModelLibrary(tmp_path / "cache", None),
        models_folder=tmp_path,
        settings=lambda: settings,
        publish=lambda event: None,
    ) as model:
        await model.embed(["sea"], file.stem)
        (runner,) = model.runners()
        short_bytes = runner.resident_bytes
        assert (await model.embed(["sea " * (long - 2)], file.stem)).prompt_tokens == long
        (runner,) = model.runners()
        (told,) = await model.models()
    assert runner.resident_bytes > short_bytes + 250_000_000, "a long text needs much more than a short one"
    assert runner.resident_bytes < told.memory_bytes < 2 * runner.resident_bytes


async def test_it_writes_no_text_and_says_so(model: LlamaCppLanguageModel) -> None:
    prompt = Prompt(turns=(ChatTurn(role=Role.USER, content="Hello"),), model="tiny-mean")
    steps = model.generate(prompt)
    with pytest.raises(ModelUnsupported, match="writes no text"):
        await anext(steps)
    with pytest.raises(ModelUnsupported, match="writes no text"):
        await model.count_tokens(prompt)
    assert (await model.embed([TEXT], "tiny-mean")).vectors


async def test_it_is_marked_and_never_the_default(model: LlamaCppLanguageModel) -> None:
    models = {one.name: one for one in await model.models()}
    assert models["tiny-mean"].embeds
    assert models["tiny-mean"].problem is None
    assert not models["tiny-mean"].default


async def test_it_serves_the_route_and_both_doors(tmp_path: Path, model: LlamaCppLanguageModel) -> None:
    async with opened(tmp_path, model) as services, served(services) as client:
        await services.settings.change(SettingsPatch(local_api=LocalApi.OPEN))
        own = await _data(client, "/api/v1/embeddings", {"texts": [TEXT], "model": "tiny-mean"})
        ollama = await _data(client, "/api/embed", {"input": TEXT, "model": "tiny-mean"})
        openai = await _data(client, "/v1/embeddings", {"input": TEXT, "model": "tiny-mean"})
        assert ollama["embeddings"][0] == pytest.approx(own["data"]["vectors"][0], abs=1e-6)
        assert openai["data"][0]["embedding"] == pytest.approx(own["data"]["vectors"][0], abs=1e-6)


async def _data(client: httpx.AsyncClient, path: str, body: dict[str, object]) -> dict[str, object]:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_model_that_could_write_makes_vectors_when_its_file_says_so(tmp_path: Path) -> None:
    starter = find_starter()
    assert starter is not None
    models = tmp_path / "models"
    models.mkdir()
    pooling(starter, models / "last.gguf", LAST)
    settings = BackendSettings(threads=2, keep_alive_s=-1, context_size=256)
    async with LlamaCppLanguageModel(
        library=ModelLibrary(tmp_path / "cache", starter),
        models_folder=models,
        settings=lambda: settings,
        publish=lambda event: None,
    ) as model:
        own = next(one for one in await model.models() if one.name == "last")
        assert own.embeds
        first, other, again = (await model.embed([TEXT, OTHER, TEXT], "last")).vectors
        assert first == again
        assert max(abs(a - b) for a, b in zip(first, other, strict=True)) > 0.001
        assert math.isclose(math.hypot(*first), 1, rel_tol=1e-6)
        (mean,) = (await model.embed([TEXT])).vectors
        assert max(abs(a - b) for a, b in zip(first, mean, strict=True)) > 0.001
        with pytest.raises(ModelUnsupported, match="writes no text"):
            await anext(
                model.generate(Prompt(turns=(ChatTurn(role=Role.USER, content="Hello"),), model="last"))
            )
