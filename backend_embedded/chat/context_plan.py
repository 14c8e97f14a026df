"""Decides what of a conversation is sent to a model whose context is limited; computes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from uuid import UUID

from backend_embedded.contract.context import ContextPolicy
from backend_embedded.contract.generation import Role

SMALLEST_ROOM = 1
"""Tokens of an answer without which a prompt does not fit: the engine needs one."""
USUAL_ROOM = 512
LARGEST_SUMMARY = 400


@dataclass(frozen=True, slots=True)
class CountedTurn:
    """One message of the history with its cost in tokens, its part of the template included."""

    id: UUID
    role: Role
    tokens: int


@dataclass(frozen=True, slots=True)
class CountedPrompt:
    """What could be sent, in tokens.

    Attributes:
        fixed: what always goes: the system prompt, the last question (or the answer that is gone on with)
            and what the template puts around everything.
        history: the turns before it, oldest first.
    """

    fixed: int
    history: tuple[CountedTurn, ...] = ()

    @property
    def total(self) -> int:
        """Tokens of all of it."""
        return self.fixed + sum(turn.tokens for turn in self.history)


@dataclass(frozen=True, slots=True)
class KnownSummary:
    """A summary that exists: what it stands for, and its cost in tokens."""

    covers: tuple[UUID, ...]
    tokens: int


class Step(StrEnum):
    """What has to be done with a plan."""

    SEND = "send"
    """Send what is kept (and the summary, if one is named)."""
    MAKE_SUMMARY = "make_summary"
    """Let the model make a summary of `unseen`, then plan again with it."""
    ENLARGE = "enlarge"
    """Load the model with a context of `size`, then send all."""
    REFUSE = "refuse"
    """It does not fit, and this policy cannot help."""


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """What is sent and what is left out: `kept + unseen` = the history, in its order.

    Attributes:
        tokens: estimated tokens of the prompt, its summary included.
        size: tokens of the context that it is for.
        summary: the summary that stands for `unseen`.
    """

    step: Step
    kept: tuple[UUID, ...]
    unseen: tuple[UUID, ...]
    tokens: int
    size: int
    summary: KnownSummary | None = None


def room_wanted(size: int, max_tokens: int | None) -> int:
    """Tokens that should be left for an answer: what was asked for, at most a quarter of the context."""
    return max(SMALLEST_ROOM, min(USUAL_ROOM if max_tokens is None else max_tokens, size // 4))


def summary_length(size: int) -> int:
    """Longest summary in tokens for a context of `size`."""
    return max(16, min(LARGEST_SUMMARY, size // 8))


def plan(
    prompt: CountedPrompt,
    size: int,
    room: int,
    policy: ContextPolicy,
    *,
    summary: KnownSummary | None = None,
    enlarged: int = 0,
) -> ContextPlan:
    """What to do with a prompt. A turn is never split; the system prompt and the question always go.

    Args:
        size: tokens that the context holds, the answer included.
        room: tokens wanted for the answer.
        summary: one that stands for the first turns of this history.
        enlarged: the size that the context could be given; 0: none.
    """
    whole = tuple(turn.id for turn in prompt.history)
    refused = ContextPlan(Step.REFUSE, whole, (), prompt.total, size)
    everything = ContextPlan(Step.SEND, whole, (), prompt.total, size)
    wanted = SMALLEST_ROOM if policy is ContextPolicy.ASK else room
    if prompt.total + wanted <= size:
        return everything
    tight = everything if prompt.total + SMALLEST_ROOM <= size else refused
    match policy:
        case ContextPolicy.ASK:
            return refused
        case ContextPolicy.DROP_OLDEST:
            return _dropped(prompt, size, room) or tight
        case ContextPolicy.SUMMARIZE:
            return _summarized(prompt, size, room, summary) or tight
        case ContextPolicy.ENLARGE:
            if enlarged > size and prompt.total + SMALLEST_ROOM <= enlarged:
                return ContextPlan(Step.ENLARGE, whole, (), prompt.total, enlarged)
            return tight


def enlarged_size(tokens: int, size: int, largest: int) -> int:
    """The context size that would hold `tokens`: twice the present one, again and again; 0 if none can."""
    if largest <= size or tokens > largest:
        return 0
    doubled = max(size, 1)
    while doubled < tokens or doubled <= size:
        doubled *= 2
    return min(doubled, largest)


def exchanges(history: Sequence[CountedTurn]) -> list[int]:
    """Where the history may be cut: indices of turns before which it is whole, the end among them.

    An answer never goes without its question: many templates refuse a history that begins with one.
    """
    starts = [at for at, turn in enumerate(history) if at > 0 and turn.role is Role.USER]
    return [0, *starts, len(history)] if history else [0]


def _dropped(prompt: CountedPrompt, size: int, room: int) -> ContextPlan | None:
    """The least cut that leaves the room wanted, else the least one that fits at all."""
    for wanted in (room, SMALLEST_ROOM):
        for cut, tokens in _cuts(prompt):
            if tokens + wanted <= size:
                return _cut(Step.SEND, prompt, cut, tokens, size)
    return None


def _summarized(
    prompt: CountedPrompt, size: int, room: int, summary: KnownSummary | None
) -> ContextPlan | None:
    """With the summary that is there if it is enough, else the cut that a new one is made for."""
    ids = tuple(turn.id for turn in prompt.history)
    standing = None
    if summary is not None and summary.covers == ids[: len(summary.covers)]:
        covered = len(summary.covers)
        tokens = prompt.total - sum(turn.tokens for turn in prompt.history[:covered]) + summary.tokens
        standing = _cut(Step.SEND, prompt, covered, tokens, size, summary)
        if tokens + room <= size:
            return standing
    made = _shortened(prompt, size, room)
    if standing is None or standing.tokens + SMALLEST_ROOM > size:
        return made
    reaches_further = made is not None and len(made.unseen) > len(standing.unseen)
    return made if reaches_further else standing


def _shortened(prompt: CountedPrompt, size: int, room: int) -> ContextPlan | None:
    """The cut that a new summary is made for."""
    budget = summary_length(size)
    # Half of what is free stays for the turns to come: else every turn would need another summary.
    free = size - room - prompt.fixed - budget
    at_all = [(cut, tokens) for cut, tokens in _cuts(prompt) if cut > 0]
    for allowed in (prompt.fixed + free // 2, prompt.fixed + free, size - SMALLEST_ROOM - budget):
        for cut, tokens in at_all:
            if tokens <= allowed:
                return _cut(Step.MAKE_SUMMARY, prompt, cut, tokens + budget, size)
    return None


def _cuts(prompt: CountedPrompt) -> list[tuple[int, int]]:
    """Every place to cut the history at, with the tokens of the prompt that is left."""
    before = [0, *accumulate(turn.tokens for turn in prompt.history)]
    return [(cut, prompt.total - before[cut]) for cut in exchanges(prompt.history)]


def _cut(
    step: Step, prompt: CountedPrompt, at: int, tokens: int, size: int, summary: KnownSummary | None = None
) -> ContextPlan:
    ids = tuple(turn.id for turn in prompt.history)
    return ContextPlan(step, ids[at:], ids[:at], tokens, size, summary)
