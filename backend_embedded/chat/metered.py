"""A language model whose answers are counted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from backend_embedded.contract.generation import Finished, FinishReason, Queued
from backend_embedded.contract.models import Model
from backend_embedded.contract.status import Capability
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, LanguageModel, Prompt
from backend_embedded.metrics.backend import BackendMetrics


class MeteredLanguageModel:
    """Hands every call on to `model` and counts answers, tokens and waiting requests."""

    def __init__(self, model: LanguageModel, metrics: BackendMetrics) -> None:
        self._model = model
        self._metrics = metrics

    def capability(self) -> Capability:
        """As the model's."""
        return self._model.capability()

    async def models(self) -> Sequence[Model]:
        """As the model's."""
        return await self._model.models()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """As the model's, counted."""
        metrics = self._metrics
        metrics.generation_began()
        waits = False
        stats = None
        outcome = FinishReason.CANCELLED
        try:
            async with aclosing(self._model.generate(prompt)) as events:
                async for event in events:
                    if isinstance(event, Queued) != waits:
                        waits = not waits
                        metrics.waiting_changed(1 if waits else -1)
                    if isinstance(event, Finished):
                        stats, outcome = event.stats, event.stats.finish_reason
                    yield event
        except Exception:
            outcome = FinishReason.ERROR
            raise
        finally:
            if waits:
                metrics.waiting_changed(-1)
            metrics.generation_ended(outcome, stats)

    async def count_tokens(self, prompt: Prompt) -> int:
        """As the model's."""
        return await self._model.count_tokens(prompt)

    async def count_texts(self, texts: Sequence[str], model: str | None = None) -> Sequence[int]:
        """As the model's."""
        return await self._model.count_texts(texts, model)

    async def context(self, model: str | None = None) -> ContextFacts:
        """As the model's."""
        return await self._model.context(model)

    async def read_ahead(self, prompt: Prompt) -> None:
        """As the model's; it is no answer and is not counted."""
        await self._model.read_ahead(prompt)

    async def embed(self, texts: Sequence[str], model: str | None = None) -> Embeddings:
        """As the model's."""
        return await self._model.embed(texts, model)

    async def load(self, model: str | None = None, context_size: int | None = None) -> None:
        """As the model's."""
        await self._model.load(model, context_size)

    async def unload(self, model: str) -> None:
        """As the model's."""
        await self._model.unload(model)
