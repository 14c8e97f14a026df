"""A circuit breaker: stops asking a service that keeps failing, and tries it again after a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class BreakerState(StrEnum):
    """The three states of a circuit (specification 9.3)."""

    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """No call goes through."""
    HALF_OPEN = "half_open"
    """A few calls go through to see whether the service is back."""


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a circuit changes its state; the values are the specification's."""

    failures: int = 5
    """Failures one after the other that open it."""
    successes: int = 2
    """Successes in the half-open state that close it."""
    open_s: float = 30.0
    """Seconds from opening until calls are let through again."""
    half_open_calls: int = 3
    """Calls that may be under way at once in the half-open state."""


class CircuitBreaker:
    """Counts how calls end. Every call that `admit` allowed ends in one of `succeeded`, `failed`, `left`.

    Args:
        limits: when the state changes.
        clock: seconds that only grow.
        now: the time, with a zone; for people only.
    """

    def __init__(
        self,
        limits: BreakerLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limits = limits or BreakerLimits()
        self._clock = clock
        self._now = now
        self._tried_again_at = now()
        self._state = BreakerState.CLOSED
        self._opened_s = 0.0
        self._failures = 0
        self._successes = 0
        self._trials = 0
        self._generation = 0

    @property
    def state(self) -> BreakerState:
        """The state now; an open circuit becomes half-open by itself when its time is over."""
        if self._state is BreakerState.OPEN and self._clock() - self._opened_s >= self._limits.open_s:
            self._become(BreakerState.HALF_OPEN)
        return self._state

    @property
    def admits(self) -> bool:
        """Whether a call would be let through now; changes no count."""
        match self.state:
            case BreakerState.CLOSED:
                return True
            case BreakerState.OPEN:
                return False
            case BreakerState.HALF_OPEN:
                return self._trials < self._limits.half_open_calls

    @property
    def opens_again_in_s(self) -> float:
        """Seconds until calls are let through again; 0 when they are."""
        if self.state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self._limits.open_s - (self._clock() - self._opened_s))

    @property
    def told(self) -> str:
        """For people: that the service is not asked, and until when, by this machine's clock; empty when it is
        asked. The same words as long as it is so."""
        if self.state is not BreakerState.OPEN:
            return ""
        return f"It failed several times and is asked again at {self._tried_again_at.astimezone():%H:%M:%S}."

    def admit(self) -> Call | None:
        """Let a call through, or None when the service is not to be asked now."""
        if not self.admits:
            return None
        if self._state is BreakerState.HALF_OPEN:
            self._trials += 1
        return Call(self, self._generation)

    def reset(self) -> None:
        """Forget what was, as after a change of the service's address."""
        self._become(BreakerState.CLOSED)

    def _ended(self, generation: int, success: bool | None) -> None:
        """A call ended well, badly, or (None) without telling anything about the service."""
        if generation != self._generation:
            return  # begun before the state changed: it says nothing about the service as it is now
        if self._state is BreakerState.HALF_OPEN:
            self._trials -= 1
        if success is None:
            return
        if success:
            self._count_success()
        else:
            self._count_failure()

    def _count_success(self) -> None:
        self._failures = 0
        if self._state is BreakerState.HALF_OPEN:
            self._successes += 1
            if self._successes >= self._limits.successes:
                self._become(BreakerState.CLOSED)

    def _count_failure(self) -> None:
        self._failures += 1
        if self._state is BreakerState.HALF_OPEN or self._failures >= self._limits.failures:
            self._become(BreakerState.OPEN)

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._generation += 1
        self._failures = self._successes = self._trials = 0
        if state is BreakerState.OPEN:
            self._opened_s = self._clock()
            self._tried_again_at = self._now() + timedelta(seconds=self._limits.open_s)


class Call:
    """One call that was let through; how it ended is told once, further tellings change nothing."""

    def __init__(self, breaker: CircuitBreaker, generation: int) -> None:
        self._breaker = breaker
        self._generation = generation
        self._told = False

    def succeeded(self) -> None:
        """The service did what was asked."""
        self._tell(True)

    def failed(self) -> None:
        """The service did not."""
        self._tell(False)

    def left(self) -> None:
        """The caller went away, or asked for what cannot be done: nothing is known of the service."""
        self._tell(None)

    def _tell(self, success: bool | None) -> None:
        if not self._told:
            self._told = True
            self._breaker._ended(self._generation, success)
