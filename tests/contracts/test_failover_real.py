"""A real Ollama server that is killed in the middle of an answer, with llama.cpp loaded beside it."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from real_ollama import MODEL, real_ollama

from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    Role,
    SamplingOptions,
    Switched,
    TextDelta,
)
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import State
from backend_embedded.llm.failover.language_model import FailoverLanguageModel
from backend_embedded.llm.files.library import ModelLibrary, find_starter
from backend_embedded.llm.llama_cpp.language_model import LlamaCppLanguageModel
from backend_embedded.llm.ollama.language_model import OllamaLanguageModel
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import Prompt

COUNT = Prompt(
    turns=(ChatTurn(role=Role.USER, content="Count from one to fifty in words, with commas."),),
    options=SamplingOptions(temperature=0, seed=1, max_tokens=40),
)


@pytest.mark.services
@pytest.mark.timeout(600)
@pytest.mark.leaves("threads")
async def test_a_killed_server_is_followed_inside_the_answer_and_comes_back(tmp_path: Path) -> None:
    starter = find_starter()
    assert starter is not None
    home = tmp_path / "ollama"
    home.mkdir()
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(real_ollama(home, starter))
        settings = BackendSettings(ollama_url=real.url, context_size=2048, threads=2)
        server = OllamaServer(lambda: settings, lambda: model.tell())
        local = LlamaCppLanguageModel(
            library=ModelLibrary(tmp_path / "cache", starter),
            models_folder=tmp_path / "models",
            settings=lambda: settings,
            publish=lambda event: model.relay(event),
        )
        model = FailoverLanguageModel(
            ollama=OllamaLanguageModel(server, lambda: settings),
            server=server,
            llama_cpp=local,
            settings=lambda: settings,
            publish=lambda event: None,
        )
        await stack.enter_async_context(local)
        await stack.enter_async_context(server)
        await server.look()
        await local.load()
        text, seam, end = "", None, None
        async with aclosing(model.generate(COUNT)) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        text += event.text
                        if event.tokens == 8 and seam is None:
                            real.kill()
                    case Switched():
                        seam = event
                    case Finished():
                        end = event
                    case _:
                        pass
        assert seam is not None
        assert end is not None
        assert 0 < seam.offset < len(text)
        assert "Ollama" in seam.reason
        assert end.stats.provider == "llama.cpp"
        assert end.stats.reason == seam.reason
        assert end.stats.completion_tokens <= 40
        assert "\ufffd" not in text
        assert model.capability().state is State.DEGRADED
        await real.stop()
        await real.start()
        await server.look()
        assert model.capability().provider == "ollama"
        assert next(one.name for one in await model.models() if one.default) == MODEL
