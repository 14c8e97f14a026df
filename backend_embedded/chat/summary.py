"""Lets a model shorten a part of a conversation into a summary, piece by piece where it is long."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from backend_embedded.chat.context_plan import summary_length
from backend_embedded.chat.turns import Sent
from backend_embedded.contract.conversations import Summarizing
from backend_embedded.contract.generation import (
    ChatTurn,
    PromptProgress,
    Queued,
    Role,
    SamplingOptions,
    TextDelta,
)
from backend_embedded.errors import ModelError
from backend_embedded.llm.port import LanguageModel, Prompt

INSTRUCTION = (
    "Write a short summary of the conversation below. Keep names, numbers, decisions and open questions. "
    "Write only the summary."
)
INSTRUCTION_TOKENS = 96
"""More than the instruction, its labels and the template need."""
FILL = 0.8
"""Part of the free context that is filled: labels and the seams between texts cost tokens as well."""
SMALLEST_PIECE = 16


@dataclass(frozen=True, slots=True)
class Told:
    """One message to be shortened, and its cost in tokens."""

    message: Sent
    tokens: int


@dataclass(frozen=True, slots=True)
class Piece:
    """As much of a conversation as can be read at once."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Shortened:
    """The summary that was made."""

    text: str
    tokens: int


async def shorten(
    model: LanguageModel,
    name: str | None,
    size: int,
    parts: Sequence[Told],
    known: str = "",
    known_tokens: int = 0,
) -> AsyncGenerator[Summarizing | Queued | Shortened, None]:
    """Make a summary of `parts`; the last value is `Shortened`.

    Args:
        name: of the model.
        size: tokens of its context.
        known: a summary of what came before the parts; it becomes a part of the new one.

    Raises:
        ModelError: the model had nothing to say. Others as `LanguageModel.generate`.
    """
    length = summary_length(size)
    room = max(SMALLEST_PIECE, int((size - 2 * length - INSTRUCTION_TOKENS) * FILL))
    total, before = sum(part.tokens for part in parts), 0
    summary, tokens = known, known_tokens
    yield Summarizing(done=0, total=total)
    for piece in pieces(parts, room):
        prompt = Prompt(
            turns=(ChatTurn(role=Role.USER, content=_request(summary, piece.text)),),
            model=name,
            options=SamplingOptions(temperature=0, max_tokens=length),
        )
        text: list[str] = []
        async with aclosing(model.generate(prompt)) as steps:
            async for step in steps:
                match step:
                    case TextDelta():
                        text.append(step.text)
                        tokens = step.tokens
                    case PromptProgress():
                        done = before + piece.tokens * step.done // max(step.total, 1)
                        yield Summarizing(done=min(done, total), total=total)
                    case Queued():
                        yield step
                    case _:
                        pass
        summary = "".join(text).strip() or summary
        before += piece.tokens
        yield Summarizing(done=min(before, total), total=total)
    if not summary:
        raise ModelError(
            "The model made no summary of the earlier conversation.",
            remedy="Drop the oldest turns instead, or use another model.",
        )
    yield Shortened(summary, tokens)


def pieces(parts: Sequence[Told], room: int) -> Iterator[Piece]:
    """The messages as text in pieces of at most `room` tokens; one that is longer is cut into equal parts."""
    lines: list[str] = []
    tokens = 0
    for part in parts:
        for text, cost in _cut(part, room):
            if lines and tokens + cost > room:
                yield Piece("\n\n".join(lines), tokens)
                lines, tokens = [], 0
            lines.append(f"{part.message.role.value.capitalize()}: {text}")
            tokens += cost
    if lines:
        yield Piece("\n\n".join(lines), tokens)


def _cut(part: Told, room: int) -> Iterator[tuple[str, int]]:
    text = part.message.content
    count = -(-part.tokens // room) or 1
    # Tokens are not spread evenly over a text: more, smaller parts keep each below the room.
    count = count if count == 1 else min(len(text) or 1, count * 2)
    length = -(-len(text) // count) or 1
    for start in range(0, max(len(text), 1), length):
        yield text[start : start + length], -(-part.tokens // count)


def _request(known: str, text: str) -> str:
    before = f"Summary of what came before:\n{known}\n\n" if known else ""
    return f"{INSTRUCTION}\n\n{before}Conversation:\n{text}\n\nSummary:"
