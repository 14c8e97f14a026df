"""What the window says of its connection to the backend: nothing while all is well, else one line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.supervision import BackendState, Lost, Serving, Starting

SHOW_LOG_S = 10.0
"""After this long without a backend its log is offered."""
QUIET_S = 1.0
"""A stream that is opened again sooner than this is not worth a word."""
SLOW_START_S = 10.0


@dataclass(frozen=True, slots=True)
class Notice:
    """The line over the page.

    Attributes:
        text: what happened and what goes on.
        can_retry: Try now makes sense.
        can_show_log: it lasts long enough to look at the log.
    """

    text: str
    can_retry: bool
    can_show_log: bool


class Connection:
    """Puts together what the supervisor and the event stream tell.

    Args:
        now_s: time on a clock that only goes forward; the same one as `Lost.retry_at_s`.
    """

    def __init__(self, now_s: float) -> None:
        self._state: BackendState = Starting()
        self._stream_open = False
        self._ever_open = False
        self._cut_at_s = now_s
        self._reason = ""
        self._lines: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """The backend can be asked."""
        return self._stream_open

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of the last backend that went."""
        return self._lines

    def backend_is(self, state: BackendState, now_s: float) -> None:
        """The supervisor told a change."""
        if isinstance(self._state, Serving) and not isinstance(state, Serving):
            self._cut(now_s)
        if isinstance(state, Lost):
            self._reason, self._lines = state.reason, state.lines
        self._state = state

    def stream_is(self, open_: bool, now_s: float) -> None:
        """The event stream was opened or cut."""
        if open_:
            self._stream_open = self._ever_open = True
            self._reason = ""
        else:
            self._cut(now_s)

    def _cut(self, now_s: float) -> None:
        if self._stream_open:
            self._cut_at_s = now_s
        self._stream_open = False

    def notice(self, now_s: float) -> Notice | None:
        """The line to show now; None when all is well, or too young to be worth a word."""
        away_s = now_s - self._cut_at_s
        if self._stream_open:
            return None
        if not self._reason and away_s < (QUIET_S if self._ever_open else SLOW_START_S):
            return None
        show_log = away_s >= SHOW_LOG_S
        match self._state:
            case Lost(retry_at_s=retry_at_s):
                wait_s = max(0, math.ceil(retry_at_s - now_s))
                again = f"Trying again in {wait_s} s." if wait_s else "Trying again now."
                return Notice(f"{self._reason} {again}", wait_s > 0, show_log)
            case Starting():
                text = (
                    f"{self._reason} It is being started again."
                    if self._reason
                    else "The backend is starting."
                )
                return Notice(text, False, show_log)
            case Serving():
                return Notice("Connection to the backend lost, trying again.", True, show_log)
