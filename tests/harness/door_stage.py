"""The two doors on a real socket over a scripted model, with the official clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import ollama
import openai
from served_backend import ScriptedModel, opened, served

from backend_embedded.contract.generation import (
    Finished,
    FinishReason,
    GenerationStats,
    PromptProgress,
    Queued,
    TextDelta,
    TokenLogprob,
    ToolCall,
)
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import LocalApi, SettingsPatch
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import Prompt
from backend_embedded.services import Services


@dataclass
class DoorModel(ScriptedModel):
    """A scripted model that can also call tools, think, tell probabilities and stop at a limit."""

    calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    reason: FinishReason = FinishReason.STOP
    tools: bool = True
    unloaded: list[str] = field(default_factory=list)

    async def models(self) -> Sequence[Model]:
        (model,) = await super().models()
        facts = {
            "tools": self.tools,
            "parameters": 135_000_000,
            "quantization": "Q4_1",
            "context_length": 8192,
        }
        return (model.model_copy(update={"architecture": "llama", "provider": "llama.cpp", **facts}),)

    async def generate(
        self, prompt: Prompt
    ) -> AsyncGenerator[Queued | PromptProgress | TextDelta | Finished, None]:
        async for event in super().generate(prompt):
            match event:
                case TextDelta() if prompt.options.logprobs:
                    yield event.model_copy(update={"logprobs": self.logprobs})
                case Finished():
                    yield event.model_copy(update={"tool_calls": self.calls})
                case _:
                    yield event

    def stats(self) -> GenerationStats:
        figures = {"prompt_ms": 2.0, "decode_ms": 3.0, "cached_tokens": 4, "finish_reason": self.reason}
        return super().stats().model_copy(update=figures)

    async def unload(self, model: str) -> None:
        self.unloaded.append(model)
        await super().unload(model)


@dataclass(frozen=True)
class DoorStage:
    """A running backend: its scripted model, and clients of every kind.

    Attributes:
        http: sends the key of the doors.
        own: sends the token of the program.
    """

    model: DoorModel
    services: Services
    http: httpx.AsyncClient
    own: httpx.AsyncClient
    ollama: ollama.AsyncClient
    openai: openai.AsyncOpenAI
    key: str


@asynccontextmanager
async def doors_open(
    folder: Path,
    model: DoorModel,
    mode: LocalApi = LocalApi.KEY,
    override: LocalApi | None = None,
    server: OllamaServer | None = None,
) -> AsyncIterator[DoorStage]:
    """The backend with its doors in a mode, and the Ollama server that it knows."""
    async with opened(folder, model) as plain:
        services = replace(plain, ollama=server)
        await services.settings.change(SettingsPatch(local_api=mode))
        async with served(services, None, override) as own:
            url = str(own.base_url).rstrip("/")
            key = (await own.get("/api/v1/local-api")).json()["data"]["key"]
            headers = {"Authorization": f"Bearer {key}"}
            async with (
                httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=False) as http,
                httpx.AsyncClient(trust_env=False, verify=False) as for_openai,
            ):
                official = ollama.AsyncClient(url, headers=headers, trust_env=False, verify=False)
                other = openai.AsyncOpenAI(
                    base_url=f"{url}/v1", api_key=key, http_client=for_openai, max_retries=0
                )
                other._platform = "Linux"  # else it is looked for in a thread that stays
                try:
                    yield DoorStage(model, services, http, own, official, other, key)
                finally:
                    await official._client.aclose()
