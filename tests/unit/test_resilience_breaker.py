"""The circuit breaker: the specification's numbers, and what holds after any history."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.resilience.breaker import BreakerLimits, BreakerState, Call, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def call(breaker: CircuitBreaker) -> Call:
    admitted = breaker.admit()
    assert admitted is not None
    return admitted


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock=clock)
    for _ in range(5):
        call(breaker).failed()
    return breaker


def test_the_limits_are_those_of_the_specification() -> None:
    assert BreakerLimits() == BreakerLimits(failures=5, successes=2, open_s=30.0, half_open_calls=3)


def test_the_fifth_failure_in_a_row_opens_it() -> None:
    breaker = CircuitBreaker(clock=Clock())
    for _ in range(4):
        call(breaker).failed()
    assert breaker.state is BreakerState.CLOSED
    call(breaker).failed()
    assert breaker.state is BreakerState.OPEN
    assert breaker.admit() is None


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = CircuitBreaker(clock=Clock())
    for _ in range(4):
        call(breaker).failed()
    call(breaker).succeeded()
    for _ in range(4):
        call(breaker).failed()
    assert breaker.state is BreakerState.CLOSED


def test_it_is_half_open_after_thirty_seconds_and_not_before() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 29.9
    assert breaker.state is BreakerState.OPEN
    assert 0 < breaker.opens_again_in_s < 0.2
    clock.now_s = 30.0
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.opens_again_in_s == 0


def test_three_calls_at_once_are_let_through_when_half_open() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 30
    calls = [call(breaker) for _ in range(3)]
    assert breaker.admit() is None
    calls[0].left()
    assert breaker.admit() is not None
    assert breaker.state is BreakerState.HALF_OPEN


def test_two_successes_close_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 30
    call(breaker).succeeded()
    assert breaker.state is BreakerState.HALF_OPEN
    call(breaker).succeeded()
    assert breaker.state is BreakerState.CLOSED


def test_one_failure_opens_it_again_for_the_whole_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = 30
    call(breaker).succeeded()
    call(breaker).failed()
    assert breaker.state is BreakerState.OPEN
    clock.now_s = 59.9
    assert breaker.state is BreakerState.OPEN
    clock.now_s = 60
    assert breaker.state is BreakerState.HALF_OPEN


def test_how_a_call_ended_is_counted_once() -> None:
    breaker = CircuitBreaker(clock=Clock())
    for _ in range(4):
        call(breaker).failed()
    last = call(breaker)
    last.left()
    last.failed()
    assert breaker.state is BreakerState.CLOSED


def test_a_call_of_before_says_nothing_about_now() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    old = call(breaker)
    for _ in range(5):
        call(breaker).failed()
    clock.now_s = 30
    assert breaker.state is BreakerState.HALF_OPEN
    old.failed()
    assert breaker.state is BreakerState.HALF_OPEN


def test_an_open_circuit_says_when_it_is_tried_next_in_the_same_words_all_the_while() -> None:
    clock = Clock()
    at = datetime(2026, 8, 8, 12, 0).astimezone()
    breaker = CircuitBreaker(clock=clock, now=lambda: at + timedelta(seconds=clock.now_s))
    assert breaker.told == ""
    for _ in range(5):
        call(breaker).failed()
    told = "It failed several times and is asked again at 12:00:30."
    assert breaker.told == told
    clock.now_s = 29.0
    assert breaker.told == told
    clock.now_s = 30.0
    assert breaker.told == ""
    call(breaker).failed()
    assert breaker.told.endswith("at 12:01:00.")
    breaker.reset()
    assert breaker.told == ""


def test_a_reset_forgets() -> None:
    breaker = opened(Clock())
    breaker.reset()
    assert breaker.state is BreakerState.CLOSED


STEPS = st.lists(
    st.one_of(
        st.just("begin"),
        st.tuples(st.sampled_from(["succeeded", "failed", "left"]), st.integers(0, 5)),
        st.floats(0, 40),
    ),
    max_size=80,
)


@given(STEPS)
def test_any_history_keeps_the_promises(steps: list[object]) -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    under_way: list[Call] = []
    trials: list[Call] = []
    for step in steps:
        before = breaker.state
        match step:
            case "begin":
                admitted = breaker.admit()
                assert (admitted is None) == (
                    before is BreakerState.OPEN or (before is BreakerState.HALF_OPEN and len(trials) == 3)
                )
                if admitted is not None:
                    under_way.append(admitted)
                    if before is BreakerState.HALF_OPEN:
                        trials.append(admitted)
            case (str(how), int(place)) if under_way:
                ended = under_way.pop(place % len(under_way))
                getattr(ended, how)()
                if ended in trials:
                    trials.remove(ended)
                    if how == "failed":
                        assert breaker.state is BreakerState.OPEN
            case float(seconds):
                clock.now_s += seconds
        after = breaker.state
        if after is not before:
            trials.clear()
        if before is BreakerState.CLOSED:
            assert after is not BreakerState.HALF_OPEN
        if before is BreakerState.OPEN:
            assert after is not BreakerState.CLOSED
        assert after is not BreakerState.OPEN or 0 < breaker.opens_again_in_s <= 30
