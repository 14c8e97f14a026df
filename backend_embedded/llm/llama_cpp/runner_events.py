"""A runner's events in the words of the wire."""

from __future__ import annotations

from backend_embedded.contract.generation import (
    Finished,
    FinishReason,
    GenerationStats,
    PromptProgress,
    Queued,
    TextDelta,
    TokenLogprob,
)
from backend_embedded.contract.models import Model
from backend_embedded.llm.runner.protocol import Done, Reading, RunnerEvent, Text, Waiting


def to_wire(event: RunnerEvent, model: Model) -> Queued | PromptProgress | TextDelta | Finished | None:
    """The wire form of an event of an answer; None for one that has none."""
    match event:
        case Text(logprobs=[]):
            return TextDelta(text=event.text, tokens=event.tokens)
        case Text():
            logprobs = tuple(TokenLogprob.model_validate(one) for one in event.logprobs)
            return TextDelta(text=event.text, tokens=event.tokens, logprobs=logprobs)
        case Waiting():
            return Queued(place=event.place)
        case Reading():
            return PromptProgress(done=event.done, total=event.total)
        case Done():
            return Finished(stats=_stats(event, model))
        case _:
            return None


def _stats(done: Done, model: Model) -> GenerationStats:
    return GenerationStats(
        provider=model.provider,
        model=model.name,
        quantization=model.quantization,
        prompt_tokens=done.prompt_tokens,
        cached_tokens=done.cached_tokens,
        completion_tokens=done.completion_tokens,
        queue_ms=done.queue_ms,
        prompt_ms=done.prompt_ms,
        ttft_ms=done.ttft_ms,
        decode_ms=done.decode_ms,
        tokens_per_s=done.tokens_per_s,
        seed=done.seed,
        finish_reason=FinishReason(done.finish_reason),
    )
