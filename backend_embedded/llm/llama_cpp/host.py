"""One model's place: its runner, who uses it, and how long it stays after them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from backend_embedded.llm.llama_cpp.runner_process import RunnerProcess


@dataclass(slots=True)
class Host:
    """What there is of one model.

    Attributes:
        lock: held while its runner is started, ended or made larger.
        users: requests that are under way or come, those that read ahead included.
        ahead: of these the ones that read what nobody asked yet.
        deaths: how often its runner died without having answered.
        keep_s: seconds that its last prompt asked for it to stay; None: as set.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    process: RunnerProcess | None = None
    users: int = 0
    ahead: int = 0
    deaths: int = 0
    keep_s: float | None = None
    _expiry: asyncio.TimerHandle | None = None

    @property
    def living(self) -> RunnerProcess | None:
        """Its runner, if that can take requests."""
        return self.process if self.process is not None and self.process.alive else None

    @property
    def idle(self) -> bool:
        """Whether nobody waits for it: it may be ended."""
        return self.users == self.ahead

    @property
    def expires(self) -> bool:
        """Whether its end was set, be it over by now."""
        return self._expiry is not None and not self._expiry.cancelled()

    def enter(self) -> None:
        """Somebody uses it: it stays."""
        self.users += 1
        self.stay()

    def stay(self) -> None:
        """Its end is not set any more."""
        if self._expiry is not None:
            self._expiry.cancel()

    def expire_in(self, keep_s: float, expired: Callable[[], None]) -> None:
        """Have `expired` called after so many seconds without a user."""
        self.stay()
        self._expiry = asyncio.get_running_loop().call_later(keep_s, expired)

    async def close(self) -> None:
        """End its runner, if it has one."""
        process, self.process = self.process, None
        self.stay()
        if process is not None:
            await process.close()
