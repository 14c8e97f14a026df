"""A language model whose answers to the same deterministic request are kept and given again, marked so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import ValidationError

from backend_embedded.cache.keys import ValueKey, answer_key
from backend_embedded.cache.port import Values
from backend_embedded.chat.passing import PassingLanguageModel
from backend_embedded.contract.generation import Finished, FinishReason, SamplingOptions, Switched, TextDelta
from backend_embedded.contract.models import Model
from backend_embedded.llm.names import same_model
from backend_embedded.llm.port import GenerationStep, LanguageModel, Prompt

IDENTITY = {"name", "provider", "path", "size_bytes", "quantization", "architecture"}
"""What makes one model answer as another does not."""


class CachedLanguageModel(PassingLanguageModel):
    """Hands every call on to `model`; answers that are certain to come out the same are taken from the cache.

    An answer is certain when the temperature is 0 or the seed is fixed, by the same model, to the same prompt with
    the same options. One that a failing provider, a full context or the user ended is not kept.

    Args:
        cache: keeps the answers for half an hour.
        wanted: whether the setting says so now.
    """

    def __init__(self, model: LanguageModel, cache: Values, wanted: Callable[[], bool]) -> None:
        super().__init__(model)
        self._cache = cache
        self._wanted = wanted

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationStep, None]:
        """As the model's, or from the cache: the text in one piece, and `stats.cached` at its end."""
        model = await self._asked_model(prompt)
        if model is None:
            async with aclosing(self._model.generate(prompt)) as steps:
                async for step in steps:
                    yield step
            return
        request = _request_text(prompt, model)
        key = answer_key(request)
        kept = _steps(await self._cache.get(key), request)
        if kept is not None:
            for step in kept:
                yield step
            return
        async with aclosing(self._heard(prompt, model, key, request)) as steps:
            async for step in steps:
                yield step

    async def _heard(
        self, prompt: Prompt, model: Model, key: ValueKey, request: str
    ) -> AsyncGenerator[GenerationStep, None]:
        """The model's answer, kept when it is whole."""
        deltas: list[TextDelta] = []
        switched = False
        async with aclosing(self._model.generate(prompt)) as steps:
            async for step in steps:
                match step:
                    case TextDelta():
                        deltas.append(step)
                    case Switched():
                        switched = True
                    case Finished() if not switched and _is_whole(step, prompt.options, model):
                        await self._cache.set(key, _kept(deltas, step, request))
                    case _:
                        pass
                yield step

    async def _asked_model(self, prompt: Prompt) -> Model | None:
        """The model whose answer is certain; None when it is not, or is not to be kept."""
        options = prompt.options
        if not self._wanted() or (options.temperature > 0 and options.seed is None):
            return None
        models = await self._model.models()
        if prompt.model is None:
            return next((model for model in models if model.default), None)
        return next((model for model in models if same_model(model.name, prompt.model)), None)


def _request_text(prompt: Prompt, model: Model) -> str:
    """All that decides an answer, as one text: two requests with the same text have the same answer."""
    asked = {
        "model": model.model_dump(mode="json", include=IDENTITY),
        "turns": [turn.model_dump(mode="json") for turn in prompt.turns],
        "raw": prompt.raw,
        "continue_last": prompt.continue_last,
        "options": prompt.options.model_dump(mode="json"),
        "tools": [tool.model_dump(mode="json") for tool in prompt.tools],
    }
    return json.dumps(asked, sort_keys=True)


def _is_whole(end: Finished, options: SamplingOptions, model: Model) -> bool:
    """Whether the answer ended as it always will: by itself, or at the limit that was asked for."""
    stats = end.stats
    if stats.provider != model.provider or stats.reason:
        return False
    at_limit = options.max_tokens is not None and stats.completion_tokens >= options.max_tokens
    return stats.finish_reason is FinishReason.STOP or (
        stats.finish_reason is FinishReason.LENGTH and at_limit
    )


def _kept(deltas: Sequence[TextDelta], end: Finished, request: str) -> dict[str, Any]:
    """The answer as it is kept, with the whole hash of its request: that of the key is short."""
    if not any(delta.logprobs for delta in deltas) and deltas:
        deltas = [TextDelta(text="".join(delta.text for delta in deltas), tokens=deltas[-1].tokens)]
    return {
        "request": _whole_hash(request),
        "text": [delta.model_dump(mode="json") for delta in deltas],
        "end": end.model_dump(mode="json"),
    }


def _steps(kept: Any, request: str) -> list[GenerationStep] | None:
    """The steps of an answer that was kept; None when there is none that can be read."""
    if not isinstance(kept, dict) or kept.get("request") != _whole_hash(request):
        return None
    try:
        deltas = [TextDelta.model_validate(one) for one in kept["text"]]
        end = Finished.model_validate(kept["end"])
    except (ValidationError, KeyError, TypeError):
        return None
    marked = end.model_copy(update={"stats": end.stats.model_copy(update={"cached": True})})
    return [*deltas, marked]


def _whole_hash(request: str) -> str:
    return hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
