from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.resilience.retry import (
    CACHE,
    DATABASE,
    HTTP_SERVICES,
    LLM_INFERENCE,
    POLICIES,
    Retries,
    RetryPolicy,
)


class Refused(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Noted:
    def __init__(self) -> None:
        self.retries: list[tuple[str, str]] = []
        self.lost: list[tuple[str, str]] = []
        self.pauses: list[float] = []

    def retried(self, policy: str, reason: str) -> None:
        self.retries.append((policy, reason))

    def gave_up(self, policy: str, reason: str) -> None:
        self.lost.append((policy, reason))

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def reason_of(error: BaseException) -> str:
    return error.reason if isinstance(error, Refused) else ""


async def called(policy: RetryPolicy, *failures: str) -> tuple[Noted, int, str]:
    """What became of a call whose first tries fail so."""
    noted, calls, left = Noted(), 0, list(failures)

    async def work() -> str:
        nonlocal calls
        calls += 1
        if left:
            raise Refused(left.pop(0))
        return "done"

    try:
        end = await Retries(policy, reason_of, noted, noted.sleep).call(lambda: work())
    except Refused as error:
        end = error.reason
    return noted, calls, end


@pytest.mark.parametrize(
    ("policy", "attempts", "pauses"),
    [
        (DATABASE, 3, [0.1, 0.2]),
        (HTTP_SERVICES, 3, [0.5, 1.0]),
        (LLM_INFERENCE, 2, [2.0]),
        (CACHE, 2, [0.0]),
    ],
)
async def test_the_policies_are_those_of_the_specification(
    policy: RetryPolicy, attempts: int, pauses: list[float]
) -> None:
    for reason in policy.retryable:
        noted, calls, end = await called(policy, *[reason] * attempts)
        assert (calls, noted.pauses, end) == (attempts, pauses, reason)
        assert noted.lost == [(policy.name, reason)]
        assert noted.retries == [(policy.name, reason)] * (attempts - 1)


async def test_a_try_that_succeeds_ends_it() -> None:
    noted, calls, end = await called(DATABASE, "DEADLOCK_DETECTED")
    assert (calls, end, noted.lost) == (2, "done", [])
    assert noted.retries == [("database", "DEADLOCK_DETECTED")]


async def test_what_does_not_pass_by_itself_is_raised_at_once() -> None:
    noted, calls, end = await called(HTTP_SERVICES, "404")
    assert (calls, end, noted.retries, noted.lost) == (1, "404", [], [])


async def test_a_failure_that_changes_its_kind_is_not_tried_again() -> None:
    noted, calls, end = await called(DATABASE, "CONNECTION_TIMEOUT", "SYNTAX")
    assert (calls, end, noted.lost) == (2, "SYNTAX", [])
    assert len(noted.retries) == 1


@given(st.sampled_from(POLICIES), st.integers(1, 10_000))
def test_no_pause_is_longer_than_its_policy_says_nor_shorter_than_the_one_before(
    policy: RetryPolicy, failures: int
) -> None:
    assert 0 <= policy.pause_s(failures) <= policy.longest_s
    assert policy.pause_s(failures) <= policy.pause_s(failures + 1)
