"""Asks what the prompt would cost while it is typed, when typing pauses, and keeps how it is made to fit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from backend_embedded.contract.context import ContextRequest
from backend_embedded.contract.conversations import ConversationPatch
from ui.client.port import ClientError

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.context import ContextPolicy
    from backend_embedded.contract.conversations import Message
    from ui.chat.owner import ChatOwner
    from ui.chat.state import ChatState
    from ui.client.port import Backend

LONGEST_PAUSES = 4
"""While typing does not pause, it is counted each time that so many pauses' length is over."""
SHORT_BYTES = 200
"""A first question of so few bytes fits in every context."""


class ContextWatch:
    """Keeps `state.context` true to what is typed; a newer question makes the older one's answer void."""

    def __init__(self, backend: Backend, owner: ChatOwner, delay_s: float) -> None:
        self._backend = backend
        self._owner = owner
        self._delay_s = delay_s
        self._waiting: asyncio.Task[None] | None = None
        self._asked: ContextRequest | None = None
        self._counted: ContextRequest | None = None
        self._changes = 0
        self._changed_s = 0.0
        self._text = ""
        self._ended = False

    def state_changed(self, state: ChatState) -> None:
        """Other files, another model or another system prompt cost other tokens."""
        self.refresh()

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        """What is being written is counted when it is done."""

    def answer_finished(self, conversation_id: UUID, message: Message) -> None:
        """The history is longer now."""
        self.refresh(anew=True)

    def end(self) -> None:
        """Ask nothing any more."""
        self._ended = True

    def typed(self, text: str) -> None:
        """The text in the composer changed."""
        self._text = text
        self.refresh()

    def refresh(self, *, anew: bool = False) -> None:
        """Ask when things pause, if what would be sent differs from what was asked last, or `anew`."""
        request = self._request()
        if self._ended or not self._owner.state.connected or (request == self._asked and not anew):
            return
        self._asked = request
        self._changes += 1
        self._changed_s = asyncio.get_running_loop().time()
        if self._waiting is None or self._waiting.done():
            self._waiting = self._owner.spawn(self._follow())

    async def settle(self, text: str) -> None:
        """Count what is to be sent now, unless what was counted before says that it fits in any case."""
        self._text = text
        request = self._request()
        if request == self._counted or self._fits_surely(request):
            return
        self._asked = request
        if self._waiting is not None:
            self._waiting.cancel()
        await self._count(request)

    def _fits_surely(self, request: ContextRequest) -> bool:
        """A token is a byte at least: a text of fewer bytes than there is room for tokens fits."""
        use, counted, size = self._owner.state.context, self._counted, len(request.content.encode())
        if use is None or counted is None:
            return not request.attachments and size < SHORT_BYTES
        same = counted.model_copy(update={"content": request.content}) == request
        return same and size < use.room

    async def choose(self, policy: ContextPolicy) -> None:
        """Make it fit like this from now on in this conversation."""
        state = self._owner.state
        settings = state.settings.model_copy(update={"context_policy": policy})
        self._owner.change(fit_asked=False, failure=None)
        if state.selected is None:
            self._owner.change(new_settings=settings)
            return
        patch = ConversationPatch(settings=settings)
        self._owner.conversation_arrived(await self._backend.patch_conversation(state.selected, patch))

    async def edit_summary(self, message_id: UUID, text: str) -> None:
        """Put another text in the place of the summary that an answer was made with."""
        message = self._owner.state.transcript.message(message_id)
        if message is None or message.context is None or message.context.summary is None:
            return
        summary = await self._backend.change_summary(message.context.summary.id, text)
        context = message.context.model_copy(update={"summary": summary})
        self._owner.change(
            transcript=self._owner.state.transcript.with_message(
                message.model_copy(update={"context": context})
            )
        )

    async def _follow(self) -> None:
        """Count what is typed, and again until nothing changed meanwhile."""
        changes = -1
        while changes != self._changes:
            await self._pause()
            changes, request = self._changes, self._asked
            if request is not None:
                typed = bool(request.content.strip() or request.attachments)
                await self._count(request, read_ahead=typed)

    async def _pause(self) -> None:
        """Return when typing pauses, or has gone on for long."""
        loop = asyncio.get_running_loop()
        latest_s = loop.time() + LONGEST_PAUSES * self._delay_s
        while True:
            left_s = min(self._changed_s + self._delay_s, latest_s) - loop.time()
            if left_s <= 0:
                return
            await asyncio.sleep(left_s)

    async def _count(self, request: ContextRequest, *, read_ahead: bool = False) -> None:
        # What cannot be counted shows no meter; sending says what is wrong.
        use = None
        with suppress(ClientError):
            use = await self._backend.context_use(request.model_copy(update={"read_ahead": read_ahead}))
        if self._asked is not None and request.conversation_id == self._asked.conversation_id:
            self._counted = request
            self._owner.change(context=use)

    def _request(self) -> ContextRequest:
        state = self._owner.state
        edited = state.transcript.message(state.editing) if state.editing is not None else None
        return ContextRequest(
            conversation_id=state.selected,
            parent_id=edited.parent_id if edited else None,
            as_root=edited is not None and edited.parent_id is None,
            content=self._text,
            attachments=tuple(file.attachment.id for file in state.files if file.attachment is not None),
            model=state.asked_model,
            system=state.settings.system if state.selected is None else None,
            options=state.settings.options if state.selected is None else None,
        )
