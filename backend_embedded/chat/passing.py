"""A language model that hands every call on to another, for those that add something to one of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from backend_embedded.contract.models import Model
from backend_embedded.contract.status import Capability
from backend_embedded.llm.port import ContextFacts, Embeddings, GenerationStep, LanguageModel, Prompt


class PassingLanguageModel:
    """Does what `model` does."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def capability(self) -> Capability:
        """As the model's."""
        return self._model.capability()

    async def models(self) -> Sequence[Model]:
        """As the model's."""
        return await self._model.models()

    def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """As the model's."""
        return self._model.generate(prompt)

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
        """As the model's."""
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
