"""Lets the model propose a title for a new conversation, when it has nothing else to do."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from uuid import UUID

from backend_embedded.chat.latest_task import LatestTask
from backend_embedded.chat.title import LONGEST
from backend_embedded.contract.generation import ChatTurn, Role, SamplingOptions, TextDelta
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.port import LanguageModel, Prompt

log = logging.getLogger(__name__)

QUIET_S = 1.5
"""Nothing was asked for so long before a title is proposed: who types quickly is never kept waiting."""
REQUEST = "Give this conversation a title of at most six words. Answer with the title only."
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 2, "maxLength": LONGEST}},
    "required": ["title"],
    "additionalProperties": False,
}
"""Small models put a short answer into a form sooner than they give one."""
OPTIONS = SamplingOptions(temperature=0, max_tokens=40, json_schema=SCHEMA)
_LABEL = re.compile(r"^(title|conversation( title)?|chat|topic)\s*[:\-–]\s*", re.IGNORECASE)
_MARKS = " \t\"'`*_#“”‘’«»"


class TitleProposals:
    """Proposes titles one at a time; whatever is asked of the model by a user comes first.

    Args:
        model: what proposes.
        wanted: whether the user wants titles, and the model has nothing else to do.
        accept: takes a title for a conversation.
        quiet_s: pause after the last answer.
    """

    def __init__(
        self,
        model: LanguageModel,
        wanted: Callable[[], bool],
        accept: Callable[[UUID, str], Awaitable[None]],
        quiet_s: float = QUIET_S,
    ) -> None:
        self._model = model
        self._wanted = wanted
        self._accept = accept
        self._quiet_s = quiet_s
        self._answering = 0
        self._task = LatestTask("title")

    def answer_begins(self) -> None:
        """A user asks: a proposal that is under way is given up."""
        self._answering += 1
        self._task.give_up()

    def answer_ends(self) -> None:
        """An answer is over."""
        self._answering -= 1

    def propose(self, conversation_id: UUID, turns: Sequence[ChatTurn], model: str | None) -> None:
        """Ask for a title of these turns, the answer last; dropped when anything else is being answered."""
        if self._task.closed or self._answering > 0 or not self._wanted():
            return
        self._task.begin(lambda: self._run(conversation_id, turns, model))

    async def settled(self) -> None:
        """Return when no proposal is under way."""
        await self._task.settled()

    async def close(self) -> None:
        """Give up what is under way, for good."""
        await self._task.close()

    async def _run(self, conversation_id: UUID, turns: Sequence[ChatTurn], model: str | None) -> None:
        await asyncio.sleep(self._quiet_s)
        if not self._wanted():
            return
        prompt = Prompt(
            turns=(*turns, ChatTurn(role=Role.USER, content=REQUEST)), model=model, options=OPTIONS
        )
        try:
            async with aclosing(self._model.generate(prompt)) as steps:
                parts = [step.text async for step in steps if isinstance(step, TextDelta)]
            title = cleaned("".join(parts))
            if title:
                await self._accept(conversation_id, title)
        except ControlCenterError as error:
            # The title made of the question stays.
            log.info("No title was proposed: %s", error.message)


def cleaned(proposal: str) -> str:
    """The title in what a model said: without its form, marks and labels; empty if there is none to use."""
    text = proposal.strip()
    if text.startswith("{"):
        try:
            text = str(json.loads(text)["title"])
        except (ValueError, KeyError, TypeError):
            return ""
    line = next((line for line in text.splitlines() if line.strip(_MARKS)), "")
    line = " ".join(line.split()).strip(_MARKS)
    line = _LABEL.sub("", line).strip(_MARKS + ".,;:")
    return line if 2 <= len(line) <= LONGEST else ""
