"""A language model whose answers are counted."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from backend_embedded.chat.passing import PassingLanguageModel
from backend_embedded.contract.generation import Finished, FinishReason, Queued
from backend_embedded.llm.port import GenerationStep, LanguageModel, Prompt
from backend_embedded.metrics.backend import BackendMetrics


class MeteredLanguageModel(PassingLanguageModel):
    """Counts the answers of `model`, their tokens and waiting requests; what is read ahead is no answer."""

    def __init__(self, model: LanguageModel, metrics: BackendMetrics) -> None:
        super().__init__(model)
        self._metrics = metrics

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
