"""Asks one question of several models or settings at once and lets one answer go on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import (
    ChatFailed,
    ChatFinished,
    ChatRequest,
    ChatStarted,
    ConversationPatch,
    MessageStatus,
)
from backend_embedded.contract.generation import Switched, TextDelta
from ui.chat.compare.compare_state import MOST, Column, Comparison, Way
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from backend_embedded.contract.conversations import ChatEvent, Message
    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend


class Comparing:
    """Keeps `state.comparison`: the first answer stores the question, the others are its siblings.

    `text_arrived` is told each piece of text with the number of its column.
    """

    def __init__(self, backend: Backend, owner: ChatOwner) -> None:
        self._backend = backend
        self._owner = owner
        self._tasks: list[asyncio.Task[None]] = []
        self.text_arrived: Callable[[int, str], None] = lambda column, text: None

    async def start(self, text: str, ways: Sequence[Way]) -> None:
        """Ask; each answer streams into its column."""
        state = self._owner.state
        if not text.strip() or state.cannot_send or state.comparison is not None:
            return
        columns = tuple(Column(way) for way in ways[:MOST])
        self._owner.draft_changed("")
        self._owner.change(comparison=Comparison(text, columns, state.selected), failure=None)
        asked: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        first = ChatRequest(
            conversation_id=state.selected,
            content=text,
            model=columns[0].way.model,
            options=columns[0].way.options,
        )
        self._tasks = [self._owner.spawn(self._first(first, asked))]
        self._tasks += [self._owner.spawn(self._other(place, asked)) for place in range(1, len(columns))]

    def stop(self) -> None:
        """End all answers; what came is kept."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def take(self, place: int) -> None:
        """Go on with the answer of this column; the others stay as its siblings."""
        comparison = self._owner.state.comparison
        answer = comparison.columns[place].answer if comparison is not None else None
        if comparison is None or answer is None or comparison.conversation_id is None:
            return
        self.stop()
        patch = ConversationPatch(leaf_id=answer.id)
        patched = await self._backend.patch_conversation(comparison.conversation_id, patch)
        self._owner.change(comparison=None)
        self._owner.conversation_arrived(patched)
        if self._owner.state.selected == patched.id:
            await self._owner.show_leaf(answer.id)
        else:
            await self._owner.select(patched.id)

    async def leave(self) -> None:
        """Show the conversation as it is; nothing is lost."""
        comparison = self._owner.state.comparison
        self.stop()
        self._owner.change(comparison=None)
        answers = [c.answer for c in comparison.columns if c.answer is not None] if comparison else []
        if answers:
            await self._owner.select(answers[0].conversation_id)
            await self._owner.show_leaf(answers[0].id)

    async def _first(self, request: ChatRequest, asked: asyncio.Future[UUID]) -> None:
        try:
            await self._read(0, request, asked)
        finally:
            if not asked.done():
                self._owner.draft_changed(request.content or "")  # it was not stored: typed it is still
            asked.cancel()

    async def _other(self, place: int, asked: asyncio.Future[UUID]) -> None:
        try:
            question = await asyncio.shield(asked)
        except asyncio.CancelledError:
            if asked.cancelled():
                self._put(place, problem="The question was not stored.")
                return
            raise
        comparison = self._owner.state.comparison
        if comparison is None:
            return
        way = comparison.columns[place].way
        request = ChatRequest(
            conversation_id=comparison.conversation_id,
            answer_to=question,
            model=way.model,
            options=way.options,
        )
        await self._read(place, request, None)

    async def _read(self, place: int, request: ChatRequest, asked: asyncio.Future[UUID] | None) -> None:
        try:
            async with aclosing(self._backend.chat(request)) as events:
                async for event in events:
                    self._take_event(place, event, asked)
        except ClientError as error:
            self._put(place, problem=error.body.message)
        except asyncio.CancelledError:
            self._settle(place, MessageStatus.STOPPED)
            raise

    def _take_event(self, place: int, event: ChatEvent, asked: asyncio.Future[UUID] | None) -> None:
        match event:
            case ChatStarted():
                if asked is not None and not asked.done() and event.answer.parent_id is not None:
                    comparison = self._owner.state.comparison
                    if comparison is not None:
                        held = replace(comparison, conversation_id=event.conversation.id)
                        self._owner.change(comparison=held)
                    self._owner.conversation_arrived(event.conversation)
                    asked.set_result(event.answer.parent_id)
                self._put(place, answer=event.answer)
            case TextDelta():
                self._append(place, event.text)
            case Switched():
                self.text_arrived(place, "")
            case ChatFinished():
                self._put(place, answer=event.answer)
            case ChatFailed():
                self._put(place, answer=event.answer, problem=event.error.message)
            case _:
                pass

    def _append(self, place: int, text: str) -> None:
        comparison = self._owner.state.comparison
        answer = comparison.columns[place].answer if comparison is not None else None
        if answer is not None:
            grown = answer.model_copy(update={"text": answer.text + text})
            self._put(place, quiet=True, answer=grown)
            self.text_arrived(place, text)

    def _settle(self, place: int, status: MessageStatus) -> None:
        comparison = self._owner.state.comparison
        answer = comparison.columns[place].answer if comparison is not None else None
        if answer is not None:
            self._put(place, answer=answer.model_copy(update={"status": status}))

    def _put(
        self, place: int, *, answer: Message | None = None, problem: str = "", quiet: bool = False
    ) -> None:
        comparison = self._owner.state.comparison
        if comparison is None or place >= len(comparison.columns):
            return
        old = comparison.columns[place]
        column = replace(old, answer=answer or old.answer, problem=problem or old.problem)
        columns = (*comparison.columns[:place], column, *comparison.columns[place + 1 :])
        changed = replace(comparison, columns=columns)
        if quiet:
            self._owner.put(comparison=changed)
        else:
            self._owner.change(comparison=changed)
