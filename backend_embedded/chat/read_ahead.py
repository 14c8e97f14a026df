"""Lets the model read a question while it is typed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from backend_embedded.chat.asked import Asked
from backend_embedded.chat.latest_task import LatestTask
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.port import LanguageModel, Prompt

log = logging.getLogger(__name__)


class ReadAhead:
    """Reads one draft at a time, the newest; what is asked of the model meanwhile comes first.

    Args:
        model: what reads.
        wanted: whether the user wants it.
    """

    def __init__(self, model: LanguageModel, wanted: Callable[[], bool]) -> None:
        self._model = model
        self._wanted = wanted
        self._task = LatestTask("read ahead")

    def begin(self, draft: Asked) -> None:
        """Read this draft, and no older one."""
        if self._task.closed or not self._wanted():
            return
        manner = draft.manner
        prompt = Prompt(turns=draft.turns, model=manner.model, options=manner.options)
        self._task.begin(lambda: self._read(prompt))

    async def settled(self) -> None:
        """Return when nothing is being read."""
        await self._task.settled()

    async def close(self) -> None:
        """Give up what is under way, for good."""
        await self._task.close()

    async def _read(self, prompt: Prompt) -> None:
        try:
            await self._model.read_ahead(prompt)
        except ControlCenterError as error:
            # The question itself, when it is asked, will say what is wrong.
            log.info("A draft was not read ahead: %s", error.message)
