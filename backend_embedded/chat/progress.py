"""How far an answer got, and what is known of one that the model did not finish."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend_embedded.chat.asked import Asked
from backend_embedded.chat.context_window import Fitted
from backend_embedded.contract.generation import FinishReason, GenerationStats, Switched, TextDelta
from backend_embedded.contract.models import Model


@dataclass(slots=True)
class Progress:
    """One answer on its way.

    Attributes:
        asked: what was asked, from when it is known.
        fitted: what was sent, from when it is known.
        switched: who goes on with it, after another was lost.
    """

    asked_at: float = field(default_factory=time.monotonic)
    first_at: float | None = None
    tokens: int = 0
    switched: Switched | None = None
    text: list[str] = field(default_factory=list)
    asked: Asked | None = None
    fitted: Fitted | None = None
    stats: GenerationStats | None = None

    def heard(self, delta: TextDelta) -> None:
        """Some more text came."""
        if self.first_at is None:
            self.first_at = time.monotonic()
        self.tokens = delta.tokens
        self.text.append(delta.text)

    @property
    def characters(self) -> int:
        """Characters that came so far."""
        return sum(map(len, self.text))

    def measured(self, models: Sequence[Model], reason: FinishReason) -> GenerationStats | None:
        """What is known of an answer that was not finished; None before its first token."""
        if not self.tokens:
            return None
        model = self._writer(models)
        now = time.monotonic()
        decode_s = 0.0 if self.first_at is None else now - self.first_at
        return GenerationStats(
            provider=self.switched.provider if self.switched else "" if model is None else model.provider,
            model=self.switched.model if self.switched else "" if model is None else model.name,
            quantization="" if model is None else model.quantization,
            completion_tokens=self.tokens,
            ttft_ms=0 if self.first_at is None else (self.first_at - self.asked_at) * 1_000,
            decode_ms=decode_s * 1_000,
            tokens_per_s=(self.tokens - 1) / decode_s if decode_s > 0 and self.tokens > 1 else 0,
            finish_reason=reason,
        )

    def _writer(self, models: Sequence[Model]) -> Model | None:
        """The model that writes, as it is listed; None when it is not."""
        name = self.asked.manner.model if self.asked is not None else None
        if self.switched is not None:
            switched = self.switched
            fits = [
                model
                for model in models
                if (model.name, model.provider) == (switched.model, switched.provider)
            ]
        else:
            fits = [model for model in models if (model.name == name if name else model.default)]
        return next(iter(fits), None)
