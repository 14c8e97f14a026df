"""Fits a prompt into a model's context in the way that was chosen, and says what does not fit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from backend_embedded.chat.asked import Asked, Costs, costs
from backend_embedded.chat.context_plan import (
    SMALLEST_ROOM,
    ContextPlan,
    KnownSummary,
    Step,
    enlarged_size,
    plan,
    room_wanted,
)
from backend_embedded.chat.summary import Shortened, Told, shorten
from backend_embedded.chat.token_counts import TokenCounts
from backend_embedded.chat.turns import SUMMARY_HEAD, system_text, turns_of
from backend_embedded.contract.context import AnswerContext, ContextPolicy, ContextUse, Summary
from backend_embedded.contract.conversations import Summarizing
from backend_embedded.contract.generation import ChatTurn, Queued
from backend_embedded.errors import ContextExceeded
from backend_embedded.llm.port import ContextFacts, LanguageModel

ATTEMPTS = 6
ROUNDED_TO = 256
LEAST_OF_ESTIMATE = 0.6
"""Part of an estimated count below which a told count is a sign that the prompt was cut."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is sent.

    Attributes:
        context: what the model does not read; None if it reads all.
        tokens: of the whole prompt; None if they were not counted, as it is short enough for certain.
    """

    turns: tuple[ChatTurn, ...]
    facts: ContextFacts
    context: AnswerContext | None = None
    tokens: int | None = None


Keep = Callable[[Summary], Awaitable[Summary]]
"""Stores a summary that was made."""


class ContextWindow:
    """Counts what is asked of `model`, and makes it fit."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._counts = TokenCounts(model)

    async def use(self, question: Asked) -> ContextUse:
        """Where the tokens would go if this were sent now."""
        facts = await self._model.context(question.manner.model)
        found = await costs(question, self._counts, facts.model, facts.size)
        return context_use(question, found, facts)

    async def count(self, fitted: Fitted, *, continue_last: bool = False) -> int:
        """Tokens of a prompt that is sent."""
        return await self._counts.prompt(fitted.turns, fitted.facts.model, continue_last=continue_last)

    async def fit(
        self, question: Asked, known: Summary | None, keep: Keep, *, refused: bool = False
    ) -> AsyncGenerator[Summarizing | Queued | Fitted, None]:
        """Make it fit; the last value is `Fitted`, those before it say what is done meanwhile.

        Args:
            known: the summary that stands for the first messages of the history, if there is one.
            keep: stores a new one.
            refused: the provider refused it, so that it must be counted.

        Raises:
            ContextExceeded: it does not fit; the details say what would help.
        """
        facts = await self._model.context(question.manner.model)
        room = room_wanted(facts.size, question.manner.options.max_tokens)
        certain = facts.refuses and facts.exact and not refused
        if certain and question.surely_below_tokens + room <= facts.size:
            yield Fitted(question.turns, facts)
            return
        found = await costs(question, self._counts, facts.model, facts.size)
        over = 0
        """Tokens by which a plan that was counted whole did not fit: the next one is for so many less."""
        for _ in range(ATTEMPTS):
            made = await self._plan(question, found, facts, known, over)
            match made.step:
                case Step.SEND:
                    fitted = await self._fitted(question, made, found, facts, known)
                    assert fitted.tokens is not None
                    if fitted.tokens + SMALLEST_ROOM <= facts.size:
                        yield fitted
                        return
                    over += fitted.tokens + SMALLEST_ROOM - facts.size
                case Step.MAKE_SUMMARY:
                    async with aclosing(self._summary(question, made, found, facts, known)) as steps:
                        async for step in steps:
                            if isinstance(step, Summary):
                                known = await keep(step)
                            else:
                                yield step
                case Step.ENLARGE:
                    yield Queued(place=1)
                    await self._model.load(facts.model, made.size)
                    before, facts = facts.size, await self._model.context(question.manner.model)
                    if facts.size <= before:
                        break
                    found = await costs(question, self._counts, facts.model, facts.size)
                case Step.REFUSE:
                    break
        raise exceeded(question, found, facts)

    async def _plan(
        self, question: Asked, found: Costs, facts: ContextFacts, known: Summary | None, over: int
    ) -> ContextPlan:
        way = question.manner
        standing = None
        if known is not None and known.covers:
            (tokens,) = await self._counts.texts([f"\n\n{SUMMARY_HEAD}\n{known.text}"], facts.model)
            standing = KnownSummary(known.covers, tokens)
        prompt = replace(found.prompt, fixed=found.prompt.fixed + over)
        room = room_wanted(facts.size, way.options.max_tokens)
        enlarged, _ = enlargement(facts, prompt.total + room)
        return plan(prompt, facts.size, room, way.policy, summary=standing, enlarged=enlarged)

    async def _fitted(
        self,
        question: Asked,
        made: ContextPlan,
        found: Costs,
        facts: ContextFacts,
        known: Summary | None,
    ) -> Fitted:
        if not made.unseen:
            return Fitted(question.turns, facts, None, found.total)
        summary = known if made.summary is not None else None
        kept = set(made.kept)
        system = system_text(question.manner.system, summary.text if summary is not None else "")
        messages = [message for message in question.history if message.id in kept]
        turns = turns_of(system, (*messages, *question.last))
        context = AnswerContext(
            policy=question.manner.policy, unseen=made.unseen, summary=summary, size=facts.size
        )
        tokens = await self._counts.prompt(turns, facts.model, continue_last=question.continue_last)
        return Fitted(turns, facts, context, tokens)

    async def _summary(
        self,
        question: Asked,
        made: ContextPlan,
        found: Costs,
        facts: ContextFacts,
        known: Summary | None,
    ) -> AsyncGenerator[Summarizing | Queued | Summary, None]:
        """Shorten what the plan leaves out, beginning with the summary that is there, if it reaches less far."""
        tokens = {turn.id: turn.tokens for turn in found.turns}
        unseen, begun = set(made.unseen), ("", 0, frozenset[UUID]())
        if known is not None and known.covers == made.unseen[: len(known.covers)]:
            begun = (known.text, known.tokens, frozenset(known.covers))
        parts = [
            Told(message, tokens[message.id])
            for message in question.history
            if message.id in unseen and message.id not in begun[2]
        ]
        name = question.manner.model
        async with aclosing(shorten(self._model, name, facts.size, parts, begun[0], begun[1])) as steps:
            async for step in steps:
                if isinstance(step, Shortened):
                    yield Summary(id=uuid4(), text=step.text, covers=made.unseen, tokens=step.tokens)
                else:
                    yield step


def enlargement(facts: ContextFacts, tokens: int) -> tuple[int, int]:
    """The larger context that would hold `tokens`, and the memory that it needs more; (0, 0) if none can."""
    if not facts.resizable:
        return (0, 0)
    doubled = enlarged_size(max(tokens, facts.size + 1), facts.size, facts.largest)
    least = min(-(-tokens // ROUNDED_TO) * ROUNDED_TO, facts.largest)
    for size in (doubled, least):
        more = (size - facts.size) * facts.bytes_per_token
        if size > facts.size and size >= tokens and (not facts.free_bytes or more <= facts.free_bytes):
            return (size, more)
    return (0, 0)


def context_use(question: Asked, found: Costs, facts: ContextFacts) -> ContextUse:
    """The answer to where the tokens go."""
    room = room_wanted(facts.size, question.manner.options.max_tokens)
    size, more = enlargement(facts, found.total + room)
    dropped = plan(found.prompt, facts.size, room, ContextPolicy.DROP_OLDEST)
    return ContextUse(
        model=facts.model,
        provider=facts.provider,
        size=facts.size,
        largest=facts.largest,
        prompt=found.total,
        system=found.system,
        history=found.history,
        attachments=found.files,
        question=found.question,
        overhead=found.overhead,
        room=max(0, facts.size - found.total),
        fits=found.total < facts.size,
        exact=facts.exact,
        enlarged_size=size,
        enlarged_bytes=more,
        droppable=len(dropped.unseen),
    )


def exceeded(question: Asked, found: Costs, facts: ContextFacts) -> ContextExceeded:
    """Why it does not fit, with the counts and what would help in the details."""
    use = context_use(question, found, facts)
    room = room_wanted(facts.size, question.manner.options.max_tokens)
    helping = {
        ContextPolicy.DROP_OLDEST: use.droppable > 0,
        ContextPolicy.SUMMARIZE: plan(found.prompt, facts.size, room, ContextPolicy.SUMMARIZE).step
        is Step.MAKE_SUMMARY,
        ContextPolicy.ENLARGE: use.enlarged_size > found.total,
    }
    choices = [policy.value for policy, helps in helping.items() if helps]
    remedy = (
        "Choose whether the oldest turns are dropped, the middle is summarized or the context is enlarged."
        if choices
        else "Shorten the question or its files, or start a new conversation."
    )
    return ContextExceeded(
        f"The prompt has {found.total} tokens; the context holds {facts.size}, the answer included.",
        remedy=remedy,
        prompt_tokens=found.total,
        context_size=facts.size,
        choices=choices,
        use=use.model_dump(mode="json"),
    )


def told_apart(fitted: Fitted, told: int, policy: ContextPolicy) -> AnswerContext | None:
    """What is known of an answer's context when the provider told another count than ours; else None.

    An estimate is never quite right: there only a count so small that something must have been cut tells.
    """
    ours = fitted.tokens
    if ours is None or told <= 0 or told == ours:
        return None
    if not fitted.facts.exact and told >= ours * LEAST_OF_ESTIMATE:
        return None
    known = fitted.context or AnswerContext(policy=policy, size=fitted.facts.size)
    return known.model_copy(update={"told_prompt_tokens": told})
