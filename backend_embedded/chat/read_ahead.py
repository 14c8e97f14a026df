"""Lets the model read a question while it is typed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from backend_embedded.chat.asked import Asked
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
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def begin(self, draft: Asked) -> None:
        """Read this draft, and no older one."""
        if self._closed or not self._wanted():
            return
        if self._task is not None:
            self._task.cancel()
        manner = draft.manner
        prompt = Prompt(turns=draft.turns, model=manner.model, options=manner.options)
        self._task = asyncio.create_task(self._read(prompt), name="read ahead")

    async def settled(self) -> None:
        """Return when nothing is being read."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Give up what is under way, for good."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _read(self, prompt: Prompt) -> None:
        try:
            await self._model.read_ahead(prompt)
        except ControlCenterError as error:
            # The question itself, when it is asked, will say what is wrong.
            log.info("A draft was not read ahead: %s", error.message)
