"""One answer that several providers write one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from backend_embedded.contract.generation import (
    ChatTurn,
    Finished,
    FinishReason,
    GenerationStats,
    Role,
    TextDelta,
)
from backend_embedded.llm.port import Prompt


@dataclass(slots=True)
class SharedAnswer:
    """What was written so far, and the prompt that lets the next provider go on with it.

    Attributes:
        prompt: as it was asked.
        clock: seconds that only grow.
    """

    prompt: Prompt
    clock: Callable[[], float]
    text: str = ""
    tokens: int = 0
    _before: int = 0
    _asked_s: float = field(init=False)
    _first_s: float | None = None

    def __post_init__(self) -> None:
        self._asked_s = self.clock()

    def wrote(self, delta: TextDelta) -> TextDelta:
        """Take a piece; the same with the tokens of the whole answer."""
        if self._first_s is None:
            self._first_s = self.clock()
        self.text += delta.text
        self.tokens = self._before + delta.tokens
        return delta.model_copy(update={"tokens": self.tokens}) if self._before else delta

    def handed_over(self) -> None:
        """From here on another provider counts its tokens from 0."""
        self._before = self.tokens

    @property
    def full(self) -> bool:
        """Whether the limit of tokens was reached."""
        limit = self.prompt.options.max_tokens
        return limit is not None and self.tokens >= limit

    @property
    def can_go_on(self) -> bool:
        """Whether another provider can go on: what holds an answer to a form reads it from its beginning."""
        options = self.prompt.options
        return not self.text or (options.json_schema is None and options.grammar is None)

    def next_prompt(self, model: str | None) -> Prompt:
        """What a provider is asked now: as before, or to go on from what is there."""
        prompt = replace(self.prompt, model=model)
        if not self.text:
            return prompt
        limit = prompt.options.max_tokens
        if limit is not None:
            options = prompt.options.model_copy(update={"max_tokens": max(1, limit - self.tokens)})
            prompt = replace(prompt, options=options)
        if prompt.raw is not None:
            return replace(prompt, raw=prompt.raw + self.text)
        turns = prompt.turns
        if prompt.continue_last and turns:
            last = turns[-1].model_copy(update={"content": turns[-1].content + self.text})
            return replace(prompt, turns=(*turns[:-1], last))
        partial = ChatTurn(role=Role.ASSISTANT, content=self.text)
        return replace(prompt, turns=(*turns, partial), continue_last=True)

    def finished(self, last: Finished, reason: str) -> Finished:
        """The end of the whole answer, with the figures of all its parts."""
        stats = last.stats.model_copy(update={"reason": reason})
        if self._before and self._first_s is not None:
            tokens = self._before + stats.completion_tokens
            decode_s = self.clock() - self._first_s
            stats = stats.model_copy(
                update={
                    "completion_tokens": tokens,
                    "prompt_tokens": max(0, stats.prompt_tokens - self._before),
                    "cached_tokens": min(stats.cached_tokens, max(0, stats.prompt_tokens - self._before)),
                    "ttft_ms": (self._first_s - self._asked_s) * 1_000,
                    "decode_ms": decode_s * 1_000,
                    "tokens_per_s": (tokens - 1) / decode_s if decode_s > 0 and tokens > 1 else 0.0,
                }
            )
        return last.model_copy(update={"stats": stats})

    def cut_at_limit(self, provider: str, model: str, reason: str) -> Finished:
        """The end of an answer whose last token came just before its provider was lost."""
        stats = GenerationStats(
            provider=provider,
            model=model,
            completion_tokens=self.tokens,
            finish_reason=FinishReason.LENGTH,
        )
        return self.finished(Finished(stats=stats), reason)
