"""What stands under an answer that came from the cache."""

from __future__ import annotations

from backend_embedded.contract.generation import GenerationStats
from ui.chat.words import footer_facts


def test_an_answer_from_the_cache_is_marked_and_shows_no_rate_of_another_time() -> None:
    stats = GenerationStats(
        provider="llama.cpp",
        model="tinyllama",
        quantization="Q4_0",
        tokens_per_s=38.2,
        ttft_ms=410,
        completion_tokens=268,
    )
    assert footer_facts(stats) == "llama.cpp · Q4_0 · 38.2 tok/s · first token 0.41 s · 268 tokens"
    cached = stats.model_copy(update={"cached": True})
    assert footer_facts(cached) == "llama.cpp · Q4_0 · from the cache · 268 tokens"
