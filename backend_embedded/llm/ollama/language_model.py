"""`LanguageModel` on an Ollama server."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from backend_embedded.contract.generation import Finished, TextDelta, ToolCall
from backend_embedded.contract.models import Model
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import (
    ContextExceeded,
    ControlCenterError,
    EngineError,
    ModelNotFound,
)
from backend_embedded.llm.memory import free_bytes
from backend_embedded.llm.names import OLLAMA, OLLAMA_PRODUCT, default_among
from backend_embedded.llm.ollama import words
from backend_embedded.llm.ollama.estimates import estimate, estimated_tokens
from backend_embedded.llm.ollama.failures import cut_off
from backend_embedded.llm.ollama.requests import LOAD_S, Requests
from backend_embedded.llm.ollama.server import OllamaServer
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, Prompt

UNLOAD_LOOKS = 50
UNLOAD_PAUSE_S = 0.1
TOOL_PATIENCE = 5
"""Ollama sends nothing while it writes a tool call: so much longer may the silence be."""


class OllamaLanguageModel:
    """Asks the models of a server that `OllamaServer` found.

    Ollama tells no place in its queue, no progress of the reading, and has no tokenizer to ask: counts are
    estimated, and `context().exact` says so.

    Args:
        server: the server.
        settings: the settings as they are now.
        seeds: draws a seed when none is asked for.
    """

    def __init__(
        self,
        server: OllamaServer,
        settings: Callable[[], BackendSettings],
        seeds: Callable[[], int] = lambda: random.randrange(2**31),
    ) -> None:
        self._server = server
        self._settings = settings
        self._seeds = seeds
        self._requests = Requests(server, settings)
        self._since = datetime.now(UTC)
        self._was = State.DOWN

    # -- the port ---------------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State of the server as last seen."""
        default = self.default_model()
        state = State.OK if self._server.ready and default is not None else State.DOWN
        if state is not self._was:
            self._was, self._since = state, datetime.now(UTC)
        name = f"{OLLAMA_PRODUCT} {self._server.version}".rstrip()
        reason = self._server.reason
        if self._server.ready and default is None:
            reason = f"{OLLAMA_PRODUCT} has no model yet."
        return Capability(
            name="model",
            state=state,
            provider=OLLAMA,
            product=f"{name} · {default.title}" if default is not None else name,
            reason="" if state is State.OK else reason,
            since=self._since,
        )

    async def models(self) -> Sequence[Model]:
        """All models that it had when it was last asked."""
        default = self.default_model()
        return tuple(
            model.model_copy(update={"default": default is not None and model.name == default.name})
            for model in self._server.models
        )

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """Stream an answer; see the port."""
        model = self._named(prompt.model)
        seed = prompt.options.seed if prompt.options.seed is not None else self._seeds()
        path, body = await self._requests.of(prompt, model, seed)
        first_s = self._settings().first_token_s
        patience = TOOL_PATIENCE if prompt.tools else 1
        clock = asyncio.get_running_loop().time
        asked_s, first_at_s = clock(), 0.0
        pieces, thinks = 0, False
        calls: tuple[ToolCall, ...] = ()
        try:
            lines = self._server.client().lines(path, body, first_s * patience, first_s * patience)
            async with aclosing(lines):
                async for line in lines:
                    first_at_s = first_at_s or clock()
                    thinking, text = words.text_of(line)
                    if thinking and not thinks:
                        thinking, thinks = f"<think>\n{thinking}", True
                    if thinks and text:
                        text, thinks = f"\n</think>\n\n{text}", False
                    calls += words.tool_calls(line)
                    likely = words.logprobs(line)
                    if thinking or text:
                        pieces += max(1, len(likely))
                        yield TextDelta(text=thinking + text, tokens=pieces, logprobs=likely)
                    if line.get("done"):
                        ttft_ms = (first_at_s - asked_s) * 1_000
                        self._server.look_soon()
                        yield Finished(
                            stats=words.stats(line, model, seed, ttft_ms, pieces), tool_calls=calls
                        )
                        return
            raise cut_off("the connection was closed")
        except ContextExceeded as error:
            raise await self._too_long(error, prompt, model) from error
        except ControlCenterError as error:
            self._heard(error)
            raise

    async def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt, estimated from its length."""
        self._named(prompt.model)
        return estimated_tokens(prompt)

    async def count_texts(self, texts: Sequence[str], model: str | None = None) -> Sequence[int]:
        """Tokens of each text, estimated from its length."""
        self._named(model)
        return tuple(estimate(text) for text in texts)

    async def read_ahead(self, prompt: Prompt) -> None:
        """Nothing: what a server shared with others does beside is not known."""

    async def context(self, model: str | None = None) -> ContextFacts:
        """What the model's context holds when we ask it."""
        found = self._named(model)
        wanted = self._requests.context_size(found)
        return ContextFacts(
            model=found.name,
            provider=OLLAMA,
            size=min(wanted, found.context_length) if found.context_length else wanted,
            largest=found.context_length,
            free_bytes=free_bytes(),
            exact=False,
            resizable=True,
        )

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """Vectors of texts, as Ollama normalises them."""
        found = self._named(model)
        if not texts:
            return Embeddings(found.name, (), 0)
        body = self._requests.common(found) | {"input": list(texts), "truncate": False}
        answer = await self._post("/api/embed", body, LOAD_S)
        vectors = tuple(_unit(vector) for vector in answer["embeddings"])
        return Embeddings(found.name, vectors, answer.get("prompt_eval_count") or 0)

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        """Have the server bring a model into memory, with a larger context if one is asked for."""
        found = self._named(model)
        before = self._requests.larger(found, context_size or 0)
        try:
            # With an empty prompt `/api/generate` only loads; a model for vectors alone is loaded by asking it.
            if found.embeds:
                await self._post("/api/embed", self._requests.common(found) | {"input": " "}, LOAD_S)
            else:
                await self._post("/api/generate", self._requests.common(found) | {"stream": False}, LOAD_S)
        except ControlCenterError:
            self._requests.larger_again(found, before)
            raise
        await self._server.look()

    async def unload(self, model: str) -> None:
        """Have the server free a model's memory."""
        found = self._server.named(model)
        if found is None or not self._server.ready:
            return
        path = "/api/embed" if found.embeds else "/api/generate"
        body: dict[str, Any] = {"model": found.name, "keep_alive": 0, "stream": False}
        await self._post(path, body | ({"input": []} if found.embeds else {}), LOAD_S)
        await self._seen_unloaded(found.name)

    async def _seen_unloaded(self, name: str) -> None:
        """Wait until the server lists the model as loaded no more: it ends its runner after it answered."""
        for _ in range(UNLOAD_LOOKS):
            await self._server.look()
            if not any(one.name == name for one in self._server.running):
                return
            await asyncio.sleep(UNLOAD_PAUSE_S)

    # -- beyond the port --------------------------------------------------------------------------

    def default_model(self) -> Model | None:
        """The model to ask when none is named: as set, else the default's namesake, else its first."""
        return default_among(self._server.models, self._settings())

    def _named(self, name: str | None) -> Model:
        found = self.default_model() if name is None else self._server.named(name)
        if found is not None:
            return found
        self._server.client()  # says first that there is no server
        if name is None:
            raise ModelNotFound(f"{OLLAMA_PRODUCT} has no model yet.", remedy="Fetch one.")
        raise ModelNotFound(
            f"{OLLAMA_PRODUCT} has no model named {name}.",
            remedy="Fetch it, or choose another.",
            model=name,
            models=[model.name for model in self._server.models],
        )

    async def _too_long(self, error: ContextExceeded, prompt: Prompt, model: Model) -> ContextExceeded:
        """The same, with the counts."""
        facts = await self.context(model.name)
        tokens = max(await self.count_tokens(prompt), facts.size + 1)
        return ContextExceeded(
            f"The prompt has about {tokens} tokens; the context of {model.name} holds {facts.size}.",
            remedy=error.remedy,
            prompt_tokens=tokens,
            context_size=facts.size,
        )

    async def _post(self, path: str, body: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        try:
            return await self._server.client().post(path, body, timeout_s)
        except ControlCenterError as error:
            self._heard(error)
            raise

    def _heard(self, error: ControlCenterError) -> None:
        """Let the server's state follow what was met: gone, or a model that is there no more."""
        if type(error) is EngineError:
            self._server.lost(error)
        elif isinstance(error, EngineError | ModelNotFound):
            self._server.look_soon()


def _unit(vector: Sequence[float]) -> tuple[float, ...]:
    """The vector with length 1: older servers do not normalise."""
    length = math.hypot(*vector)
    return tuple(value / length for value in vector) if length else tuple(vector)
