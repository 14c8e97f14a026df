"""About how many tokens texts have, for a server that has no tokenizer to ask."""

from __future__ import annotations

import json
import math

from backend_embedded.llm.ollama import words
from backend_embedded.llm.port import Prompt

BYTES_PER_TOKEN = 3.6
TOKENS_PER_TURN = 5


def estimate(text: str) -> int:
    """About how many tokens a text has, by its length in UTF-8."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


def estimated_tokens(prompt: Prompt) -> int:
    """The same for a whole prompt, its template and tools included."""
    if prompt.raw is not None:
        return estimate(prompt.raw) + 1
    tools = json.dumps(words.tool_definitions(prompt.tools)) if prompt.tools else ""
    counts = (estimate(turn.content) + TOKENS_PER_TURN for turn in prompt.turns)
    return sum(counts) + estimate(tools) + TOKENS_PER_TURN
