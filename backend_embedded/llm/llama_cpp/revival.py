"""Brings runners back that ended by themselves, ever later if they die again, and says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from backend_embedded.contract.events import RunnerExited
from backend_embedded.errors import ControlCenterError, EngineCrashed
from backend_embedded.llm.llama_cpp.host import Host
from backend_embedded.llm.llama_cpp.runner_process import RunnerProcess

logger = logging.getLogger(__name__)

LONGEST_BACKOFF_S = 30.0


def backoff_s(deaths: int) -> float:
    """Pause before a runner is started again after it died `deaths` times without ever answering."""
    return 0.0 if deaths <= 1 else min(LONGEST_BACKOFF_S, 0.5 * 2.0 ** (deaths - 2))


class Revival:
    """What is done about ends of runners.

    Args:
        use: loads a model by its name.
        publish: takes the ends.
        changed: called when `trouble` is another.

    Attributes:
        trouble: what is wrong with a runner that should live, in words; empty: nothing.
    """

    def __init__(
        self,
        use: Callable[[str], AbstractAsyncContextManager[object]],
        publish: Callable[[RunnerExited], None],
        changed: Callable[[], None],
    ) -> None:
        self._use = use
        self._publish = publish
        self._changed = changed
        self.trouble = ""

    def note_end(self, host: Host, process: RunnerProcess, *, comes_back: bool) -> None:
        """A runner ended that should not have: count and tell it, and that it is brought back."""
        if host.process is process:
            host.process = None
        host.deaths = 1 if process.served else host.deaths + 1
        name, how = process.config.name, process.how_it_ended()
        self._tell_end(name, how, host, process.stderr_tail())
        if comes_back:
            self.trouble = f"The model runner of {name} ended ({how}); it is started again."

    async def bring_back(self, host: Host, name: str) -> None:
        """Start the runner again until it lives, or cannot live for a reason of another kind."""
        while host.process is None:
            await asyncio.sleep(backoff_s(host.deaths))
            try:
                async with self._use(name):
                    return
            except EngineCrashed as error:
                host.deaths += 1
                self.trouble = error.message
                self._tell_end(name, error.message, host, tuple(error.details.get("stderr", ())))
                self._changed()
            except ControlCenterError as error:
                self.trouble = error.message
                self._changed()
                return

    def _tell_end(self, name: str, message: str, host: Host, tail: tuple[str, ...]) -> None:
        restart_in_s = backoff_s(host.deaths)
        logger.warning("runner of %s ended: %s; last lines: %s", name, message, " | ".join(tail[-5:]))
        self._publish(RunnerExited(model=name, message=message, restart_in_s=restart_in_s, stderr_tail=tail))
