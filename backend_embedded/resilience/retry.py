"""When a call that failed is made again: the four policies of the specification (9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")


class Backoff(StrEnum):
    """How the pauses between tries grow."""

    EXPONENTIAL = "exponential"
    """Doubled each time."""
    LINEAR = "linear"
    """The same each time."""
    IMMEDIATE = "immediate"
    """None."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, when and after what a call is made again.

    Attributes:
        name: as metrics and the specification call it.
        attempts: calls at most, the first included.
        base_s: the first pause in seconds.
        longest_s: no pause is longer.
        retryable: names of what passes by itself: error codes, or HTTP statuses as text.
    """

    name: str
    attempts: int
    backoff: Backoff
    base_s: float
    longest_s: float
    retryable: frozenset[str]

    def pause_s(self, failures: int) -> float:
        """Seconds to wait after so many failures (from 1)."""
        match self.backoff:
            case Backoff.EXPONENTIAL:
                return min(self.longest_s, self.base_s * 2.0 ** min(failures - 1, 64))
            case Backoff.LINEAR:
                return min(self.longest_s, self.base_s)
            case Backoff.IMMEDIATE:
                return 0.0


DATABASE = RetryPolicy(
    "database", 3, Backoff.EXPONENTIAL, 0.1, 5.0, frozenset({"CONNECTION_TIMEOUT", "DEADLOCK_DETECTED"})
)
HTTP_SERVICES = RetryPolicy(
    "http_services", 3, Backoff.EXPONENTIAL, 0.5, 10.0, frozenset({"502", "503", "504"})
)
LLM_INFERENCE = RetryPolicy(
    "llm_inference", 2, Backoff.LINEAR, 2.0, 2.0, frozenset({"MODEL_LOADING", "CONTEXT_EXCEEDED"})
)
"""CONTEXT_EXCEEDED only after something was left out or the context was raised; the caller does that between."""
CACHE = RetryPolicy("cache", 2, Backoff.IMMEDIATE, 0.0, 0.0, frozenset({"CONNECTION_REFUSED"}))
POLICIES = (DATABASE, HTTP_SERVICES, LLM_INFERENCE, CACHE)


class RetryObserver(Protocol):
    """Told of what is tried again; metrics count it."""

    def retried(self, policy: str, reason: str) -> None:
        """A call is made again after this."""
        ...

    def gave_up(self, policy: str, reason: str) -> None:
        """A call failed for good with what could have been tried again."""
        ...


class Unobserved:
    """Counts nothing."""

    def retried(self, policy: str, reason: str) -> None:
        """Forget it."""

    def gave_up(self, policy: str, reason: str) -> None:
        """Forget it."""


class Retries:
    """Makes calls by a policy.

    Args:
        policy: how.
        reason_of: what a failure is called in the policy's words; empty: it is not of these.
        observer: told of each further try.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        reason_of: Callable[[BaseException], str],
        observer: RetryObserver | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._policy = policy
        self._reason_of = reason_of
        self._observer = observer or Unobserved()
        self._sleep = sleep

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work, again if need be; the last failure is raised as it is."""
        # Loaded with the first call that may be tried again: a start need not wait 40 ms for it.
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        tries = AsyncRetrying(
            stop=stop_after_attempt(self._policy.attempts),
            wait=lambda state: self._policy.pause_s(state.attempt_number),
            retry=retry_if_exception(self._passes),
            before_sleep=self._told,
            sleep=self._sleep,
            reraise=True,
        )

        async def tried() -> T:
            return await work()  # the library awaits only what it sees to be a coroutine function

        try:
            return await tries(tried)
        except Exception as error:
            if self._passes(error):
                self._observer.gave_up(self._policy.name, self._reason_of(error))
            raise

    def _passes(self, error: BaseException) -> bool:
        return self._reason_of(error) in self._policy.retryable

    def _told(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if error is not None:
            self._observer.retried(self._policy.name, self._reason_of(error))
