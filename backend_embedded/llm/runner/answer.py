"""One answer on its way: what is asked, what was written, and the events that tell of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from backend_embedded.llm.runner.protocol import Done, Generate, RunnerEvent, Text
from backend_embedded.llm.runner.sampling import Sampler
from backend_embedded.llm.runner.text import TextStream

Emit = Callable[[RunnerEvent], None]


@dataclass(slots=True)
class Answer:
    """One request on its way from the queue to its last token; `tokens` = prompt and answer."""

    request: Generate
    tokens: list[int]
    prompt_tokens: int
    sampler: Sampler
    text: TextStream
    accepted_s: float
    started_s: float = 0.0
    first_token_s: float = 0.0
    last_token_s: float = 0.0
    flushed_s: float = 0.0
    cached_tokens: int = 0
    completion_tokens: int = 0
    place: int = 0
    put_back: bool = False
    """It lost its sequence to others, and waits until one of them ends."""
    pending: list[str] = field(default_factory=list)
    """Text that is sure and not sent yet."""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    """Of the tokens since the last piece of text, when they are asked for."""

    @property
    def repeatable(self) -> bool:
        """A seed was asked for: the prompt is read from its start and in even pieces.

        llama.cpp's sums differ in their last digits with the size of a batch, and a drawn token with them.
        """
        options = self.request.options
        return options.seed is not None and options.temperature > 0

    def flush(self, emit: Emit) -> None:
        """Send what is sure and not sent yet."""
        if self.pending or self.logprobs:
            text = "".join(self.pending)
            emit(Text(self.request.id, text, self.completion_tokens, self.logprobs))
            self.pending.clear()
            self.logprobs = []
            self.flushed_s = time.monotonic()

    def finish(self, reason: str, emit: Emit) -> None:
        """Send the rest, and how it ended."""
        rest = self.text.finish()
        if rest:
            self.pending.append(rest)
        self.flush(emit)
        self.sampler.close()
        emit(done(self, reason))


def done(answer: Answer, reason: str) -> Done:
    """Its last event: how it ended, and what it took."""
    end_s = time.monotonic()
    marks_s = [answer.accepted_s, answer.started_s or end_s, answer.first_token_s or end_s]
    queue_s, prompt_s = (later - earlier for earlier, later in pairwise(marks_s))
    decode_s = answer.last_token_s - answer.first_token_s if answer.first_token_s else 0.0
    rate = (answer.completion_tokens - 1) / decode_s if decode_s > 0 and answer.completion_tokens > 1 else 0.0
    return Done(
        id=answer.request.id,
        finish_reason=reason,
        prompt_tokens=answer.prompt_tokens,
        cached_tokens=answer.cached_tokens,
        completion_tokens=answer.completion_tokens,
        queue_ms=queue_s * 1000,
        prompt_ms=prompt_s * 1000,
        ttft_ms=(marks_s[2] - answer.accepted_s) * 1000,
        decode_ms=decode_s * 1000,
        tokens_per_s=rate,
        seed=answer.sampler.seed,
    )
