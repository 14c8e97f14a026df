"""What is sent of a long conversation: it fits or says that it cannot, in order, and nothing is lost."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.chat.context_plan import (
    CountedPrompt,
    CountedTurn,
    KnownSummary,
    Step,
    enlarged_size,
    plan,
    room_wanted,
)
from backend_embedded.contract.context import ContextPolicy
from backend_embedded.contract.generation import Role


def history(*costs: int) -> tuple[CountedTurn, ...]:
    """Questions and answers in turn."""
    roles = (Role.USER, Role.ASSISTANT)
    return tuple(CountedTurn(UUID(int=at), roles[at % 2], cost) for at, cost in enumerate(costs))


@st.composite
def prompts(draw: st.DrawFn) -> CountedPrompt:
    count = draw(st.integers(0, 12))
    role = st.sampled_from([Role.USER, Role.ASSISTANT])
    turns = tuple(CountedTurn(UUID(int=at), draw(role), draw(st.integers(0, 400))) for at in range(count))
    return CountedPrompt(draw(st.integers(1, 600)), turns)


@st.composite
def summaries(draw: st.DrawFn, prompt: CountedPrompt) -> KnownSummary | None:
    if not prompt.history or draw(st.booleans()):
        return None
    covered = draw(st.integers(1, len(prompt.history)))
    ids = tuple(turn.id for turn in prompt.history[:covered])
    stranger = (UUID(int=999),)
    return KnownSummary(draw(st.sampled_from([ids, stranger])), draw(st.integers(1, 100)))


@given(st.data(), prompts(), st.integers(2, 3000), st.sampled_from(list(ContextPolicy)), st.integers(1, 900))
def test_a_plan_fits_or_says_that_it_cannot(
    data: st.DataObject, prompt: CountedPrompt, size: int, policy: ContextPolicy, most: int
) -> None:
    room = room_wanted(size, most)
    summary = data.draw(summaries(prompt))
    enlarged = data.draw(st.sampled_from([0, size, size * 2, size * 8]))
    made = plan(prompt, size, room, policy, summary=summary, enlarged=enlarged)
    ids = tuple(turn.id for turn in prompt.history)
    costs = {turn.id: turn.tokens for turn in prompt.history}

    assert made.unseen + made.kept == ids, "in order, each turn in exactly one of the two"
    if made.step is Step.REFUSE:
        assert not made.unseen
        assert prompt.total >= (size if policy is not ContextPolicy.ENLARGE else min(size, made.tokens))
        return
    assert made.tokens < made.size
    standing = made.summary.tokens if made.summary else 0
    if made.step is not Step.MAKE_SUMMARY:
        assert made.tokens == prompt.fixed + sum(costs[kept] for kept in made.kept) + standing
    if made.summary is not None:
        assert made.summary.covers == made.unseen
    if made.unseen and made.summary is None and made.kept:
        kept = next(turn for turn in prompt.history if turn.id == made.kept[0])
        assert kept.role is Role.USER, "an answer never goes without its question"
    if policy is ContextPolicy.ASK:
        assert not made.unseen
    if policy is ContextPolicy.ENLARGE:
        assert not made.unseen
    if made.step is Step.MAKE_SUMMARY:
        assert policy is ContextPolicy.SUMMARIZE
        assert made.unseen, "there is something to shorten"


@given(prompts(), st.integers(2, 3000))
def test_what_fits_is_never_cut(prompt: CountedPrompt, size: int) -> None:
    room = room_wanted(size, None)
    for policy in ContextPolicy:
        made = plan(prompt, size, room, policy)
        if prompt.total + room <= size:
            assert (made.step, made.unseen) == (Step.SEND, ())


@given(prompts(), st.integers(2, 3000))
def test_dropping_helps_whenever_the_question_alone_fits(prompt: CountedPrompt, size: int) -> None:
    made = plan(prompt, size, room_wanted(size, None), ContextPolicy.DROP_OLDEST)
    assert (made.step is Step.SEND) == (prompt.fixed < size)


@given(st.integers(1, 100_000), st.integers(1, 10_000), st.integers(0, 40_000))
def test_a_larger_context_holds_what_it_is_for(tokens: int, size: int, largest: int) -> None:
    made = enlarged_size(tokens, size, largest)
    if made:
        assert size < made <= largest
        assert made >= tokens
    else:
        assert largest <= size or tokens > largest


def test_as_few_turns_as_can_be_are_dropped() -> None:
    prompt = CountedPrompt(20, history(30, 30, 30, 30, 30, 30))
    made = plan(prompt, 150, 10, ContextPolicy.DROP_OLDEST)
    assert (len(made.unseen), made.tokens) == (2, 140)


def test_a_summary_is_used_again_while_it_is_enough() -> None:
    prompt = CountedPrompt(20, history(100, 100, 30, 30))
    known = KnownSummary((UUID(int=0), UUID(int=1)), 25)
    made = plan(prompt, 200, 40, ContextPolicy.SUMMARIZE, summary=known)
    assert (made.step, made.tokens, made.summary) == (Step.SEND, 105, known)
    grown = CountedPrompt(20, history(100, 100, 30, 30, 60, 60))
    assert plan(grown, 200, 40, ContextPolicy.SUMMARIZE, summary=known).step is Step.MAKE_SUMMARY


def test_a_summary_of_another_branch_is_not_used() -> None:
    prompt = CountedPrompt(20, history(100, 100, 30, 30))
    other = KnownSummary((UUID(int=7), UUID(int=8)), 25)
    made = plan(prompt, 200, 40, ContextPolicy.SUMMARIZE, summary=other)
    assert made.step is Step.MAKE_SUMMARY


@pytest.mark.parametrize(
    ("enlarged", "step"), [(0, Step.REFUSE), (512, Step.ENLARGE), (256, Step.REFUSE), (400, Step.ENLARGE)]
)
def test_a_context_is_enlarged_only_if_that_is_enough(enlarged: int, step: Step) -> None:
    prompt = CountedPrompt(100, history(100, 100))
    made = plan(prompt, 256, 64, ContextPolicy.ENLARGE, enlarged=enlarged)
    assert made.step is step
