"""An answer of the model, in the pieces that both doors are made of."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from backend_embedded.api.doors.thinking import ThinkingSplitter
from backend_embedded.contract.generation import Finished, TextDelta, TokenLogprob
from backend_embedded.errors import EngineError
from backend_embedded.llm.port import LanguageModel, Prompt


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more of an answer."""

    text: str
    thinking: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer to its end."""

    text: str
    thinking: str
    logprobs: tuple[TokenLogprob, ...]
    end: Finished


async def pieces(model: LanguageModel, prompt: Prompt) -> AsyncGenerator[Piece | Finished, None]:
    """What the model writes, its thinking told apart; the last one is `Finished`."""
    splitter = ThinkingSplitter() if prompt.raw is None else None
    async with aclosing(model.generate(prompt)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    text, thinking = event.text, ""
                    if splitter is not None:
                        thinking, text = splitter.feed(text)
                    if text or thinking or event.logprobs:
                        yield Piece(text, thinking, event.logprobs)
                case Finished():
                    if splitter is not None and any(rest := splitter.finish()):
                        yield Piece(rest[1], rest[0])
                    yield event
                    return
                case _:
                    pass
    raise EngineError("The engine ended without finishing the answer.")


async def whole(model: LanguageModel, prompt: Prompt) -> Whole:
    """The whole answer."""
    heard: list[Piece] = []
    async with aclosing(pieces(model, prompt)) as found:
        async for piece in found:
            if isinstance(piece, Finished):
                return Whole(
                    text="".join(one.text for one in heard),
                    thinking="".join(one.thinking for one in heard),
                    logprobs=tuple(token for one in heard for token in one.logprobs),
                    end=piece,
                )
            heard.append(piece)
    raise EngineError("The engine ended without finishing the answer.")
