"""Saves what was typed and not sent, when typing pauses."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.conversations import ConversationPatch
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from uuid import UUID

    from ui.client.port import Backend


class DraftSaver:
    """Holds the unsaved drafts by conversation and saves each `delay_s` after its last change."""

    def __init__(
        self,
        backend: Backend,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        delay_s: float,
    ) -> None:
        self._backend = backend
        self._spawn = spawn
        self._delay_s = delay_s
        self._unsaved: dict[UUID, str] = {}
        self._waiting: dict[UUID, asyncio.Task[None]] = {}

    def changed(self, conversation_id: UUID, text: str) -> None:
        """Note the draft; it is saved once typing pauses."""
        self._unsaved[conversation_id] = text
        waiting = self._waiting.pop(conversation_id, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[conversation_id] = self._spawn(self._save_later(conversation_id))

    def forget(self, conversation_id: UUID | None) -> None:
        """The draft was sent: the empty one is saved instead."""
        if conversation_id is not None and conversation_id in self._waiting:
            self.changed(conversation_id, "")

    async def flush(self) -> None:
        """Save all drafts now."""
        for waiting in self._waiting.values():
            waiting.cancel()
        self._waiting.clear()
        for conversation_id in tuple(self._unsaved):
            await self._save(conversation_id)

    async def _save_later(self, conversation_id: UUID) -> None:
        await asyncio.sleep(self._delay_s)
        await self._save(conversation_id)
        self._waiting.pop(conversation_id, None)

    async def _save(self, conversation_id: UUID) -> None:
        text = self._unsaved.get(conversation_id)
        if text is None:
            return
        # A draft that cannot be saved stays unsaved; the next change or the end tries again.
        with suppress(ClientError):
            await self._backend.patch_conversation(conversation_id, ConversationPatch(draft=text))
            if self._unsaved.get(conversation_id) == text:
                del self._unsaved[conversation_id]
