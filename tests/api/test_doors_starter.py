"""Both doors over the real starter model on llama.cpp, with the official clients."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from pathlib import Path

import ollama
import pytest
import pytest_asyncio
from door_stage import DoorStage, doors_open

from backend_embedded.contract.settings import BackendSettings
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.leaves("threads", "children")]
HELLO = [{"role": "user", "content": "Name the colours of the rainbow."}]
GREEDY = {"temperature": 0, "num_predict": 12, "seed": 1}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DoorStage]:
    folder: Path = tmp_path_factory.mktemp("doors")
    settings = BackendSettings(context_size=1024, keep_alive_s=-1)
    async with (
        LlamaCppLanguageModel(
            library=ModelLibrary(folder / "cache", find_starter()),
            models_folder=folder / "models",
            settings=lambda: settings,
            publish=lambda event: None,
        ) as model,
        doors_open(folder, model) as stage,
    ):
        yield stage


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def name(real: DoorStage) -> str:
    return (await real.ollama.list()).models[0].model or ""


async def test_both_doors_give_the_same_answer(real: DoorStage, name: str) -> None:
    one = await real.ollama.chat(name, HELLO, options=GREEDY)
    two = await real.openai.chat.completions.create(
        model=name, messages=HELLO, temperature=0, max_tokens=12, seed=1
    )
    assert one.message.content
    assert one.message.content == two.choices[0].message.content
    assert one.done_reason == two.choices[0].finish_reason == "length"
    assert two.usage is not None
    assert (one.prompt_eval_count, one.eval_count) == (two.usage.prompt_tokens, 12)


async def test_probabilities_of_tokens_are_those_of_the_model(real: DoorStage, name: str) -> None:
    options = GREEDY | {"num_predict": 6}
    answer = await real.ollama.chat(name, HELLO, options=options, logprobs=True, top_logprobs=3)
    assert answer.logprobs is not None
    assert len(answer.logprobs) == 6
    assert "".join(one.token for one in answer.logprobs) == answer.message.content
    for one in answer.logprobs:
        assert one.top_logprobs is not None
        likely = [other.logprob for other in one.top_logprobs]
        assert len(likely) == 3
        assert likely == sorted(likely, reverse=True)
        assert one.logprob == likely[0] <= 0  # greedy: the likeliest was taken
        assert math.fsum(math.exp(value) for value in likely) <= 1.000001
    parts = [
        part
        async for part in await real.openai.chat.completions.create(
            model=name, messages=HELLO, temperature=0, max_tokens=6, logprobs=True, stream=True
        )
    ]
    tokens = [token for part in parts if (found := part.choices[0].logprobs) for token in found.content or ()]
    assert [token.token for token in tokens] == [one.token for one in answer.logprobs]
    assert tokens[0].top_logprobs == []


async def test_json_mode_gives_json(real: DoorStage, name: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    answer = await real.ollama.generate(
        name, "Give a number.", format=schema, options=GREEDY | {"num_predict": 60}
    )
    assert isinstance(json.loads(answer.response or "")["n"], int)


async def test_a_real_model_without_tools_refuses_them(real: DoorStage, name: str) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    with pytest.raises(ollama.ResponseError, match="does not support tools") as caught:
        await real.ollama.chat(name, HELLO, tools=[tool])
    assert caught.value.status_code == 400


async def test_vectors_of_a_real_model_have_length_1(real: DoorStage, name: str) -> None:
    (vector,) = (await real.ollama.embed(name, "a ship")).embeddings
    assert math.isclose(math.hypot(*vector), 1, rel_tol=1e-5)
    other = await real.openai.embeddings.create(model=name, input="a ship")
    assert other.data[0].embedding == pytest.approx(list(vector), abs=1e-4)


async def test_a_real_model_is_loaded_and_unloaded_by_an_empty_prompt(real: DoorStage, name: str) -> None:
    assert (await real.ollama.generate(name, keep_alive="10m")).done_reason == "load"
    assert [model.model for model in (await real.ollama.ps()).models] == [name]
    assert (await real.ollama.generate(name, keep_alive=0)).done_reason == "unload"
    assert (await real.ollama.ps()).models == []
    await real.ollama.generate(name, "Hi", options={"num_predict": 1}, keep_alive=0)
    while (await real.ollama.ps()).models:  # it is unloaded in the background, at once
        pass


async def test_too_long_a_prompt_is_refused_not_cut(real: DoorStage, name: str) -> None:
    with pytest.raises(ollama.ResponseError, match="tokens") as caught:
        await real.ollama.generate(name, "word " * 3000)
    assert caught.value.status_code == 400
