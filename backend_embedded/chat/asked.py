"""What is asked of a model before it is known whether all of it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from backend_embedded.chat.context_plan import CountedPrompt, CountedTurn
from backend_embedded.chat.token_counts import TokenCounts
from backend_embedded.chat.turns import Sent, turns_of
from backend_embedded.contract.context import ContextPolicy
from backend_embedded.contract.conversations import ConversationSettings
from backend_embedded.contract.generation import ChatTurn, SamplingOptions

MARGIN_TOKENS = 256
TURN_MARGIN_TOKENS = 32
"""More than a template adds around everything, and to each turn."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a question is answered: what the request says, else what the conversation says."""

    system: str
    model: str | None
    options: SamplingOptions
    policy: ContextPolicy
    schema: dict[str, Any] | None = None
    """What the whole answer is checked against."""


def manner(
    settings: ConversationSettings,
    system: str | None,
    model: str | None,
    options: SamplingOptions | None,
    policy: ContextPolicy | None = None,
    *,
    goes_on: bool = False,
) -> Manner:
    """The manner of one answer; what is None is as the conversation says.

    Args:
        goes_on: an answer is gone on with. A grammar begins at the beginning: held to it, the rest would
            be a second whole answer, so that only the whole is checked.
    """
    chosen = settings.options if options is None else options
    return Manner(
        system=settings.system if system is None else system,
        model=settings.model if model is None else model,
        options=chosen.model_copy(update={"json_schema": None}) if goes_on else chosen,
        policy=settings.context_policy if policy is None else policy,
        schema=chosen.json_schema,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt as it would be sent if all of it fitted.

    Attributes:
        history: the messages before the question, oldest first.
        last: what always goes: the question, and the answer that is gone on with.
        continue_last: the last message is an answer that is gone on with.
    """

    manner: Manner
    history: tuple[Sent, ...]
    last: tuple[Sent, ...]
    continue_last: bool = False

    @property
    def turns(self) -> tuple[ChatTurn, ...]:
        """All turns, the system prompt first."""
        return turns_of(self.manner.system, (*self.history, *self.last))

    @property
    def surely_below_tokens(self) -> int:
        """No tokenizer makes more tokens than this: each stands for one byte at least."""
        turns = self.turns
        size = sum(len(turn.content.encode("utf-8", "replace")) for turn in turns)
        return size + TURN_MARGIN_TOKENS * len(turns) + MARGIN_TOKENS


def asked(way: Manner, messages: Sequence[Sent], *, continue_last: bool) -> Asked:
    """A prompt of a branch's messages, the question last (or the answer that is gone on with)."""
    always = min(len(messages), 2 if continue_last else 1)
    cut = len(messages) - always
    return Asked(way, tuple(messages[:cut]), tuple(messages[cut:]), continue_last)


@dataclass(frozen=True, slots=True)
class Costs:
    """Where the tokens of a prompt go: `system + history + files + question + overhead = total`.

    Attributes:
        turns: cost of each message of the history, with its part of the template.
    """

    system: int
    history: int
    files: int
    question: int
    overhead: int
    turns: tuple[CountedTurn, ...]

    @property
    def total(self) -> int:
        """Tokens of the whole prompt."""
        return self.system + self.history + self.files + self.question + self.overhead

    @property
    def prompt(self) -> CountedPrompt:
        """As the plan takes it."""
        return CountedPrompt(max(1, self.total - sum(turn.tokens for turn in self.turns)), self.turns)


async def costs(question: Asked, counts: TokenCounts, model: str, size: int) -> Costs:
    """Count a prompt: whole if it might fit in `size`, else by its texts and what the template adds."""
    messages = (*question.history, *question.last)
    parts = chain.from_iterable((message.text, message.files) for message in messages)
    system, *counted = await counts.texts([question.manner.system, *parts], model)
    texts, files = counted[::2], counted[1::2]
    around, each = await counts.template(model)
    cut = len(question.history)
    sum_of_texts = system + sum(counted)
    if sum_of_texts <= size:
        whole = await counts.prompt(question.turns, model, continue_last=question.continue_last)
        overhead = max(0, whole - sum_of_texts)
    else:
        overhead = around + each * len(question.turns)
    turns = tuple(
        CountedTurn(message.id, message.role, text + file + each)
        for message, text, file in zip(question.history, texts, files, strict=False)
    )
    return Costs(system, sum(texts[:cut]), sum(files), sum(texts[cut:]), overhead, turns)
