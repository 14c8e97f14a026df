"""Editing a question, asking again with another model, and branches: nothing is ever overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import BranchRequest, ChatRequest
from backend_embedded.contract.generation import Role

if TYPE_CHECKING:
    from uuid import UUID

    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend


class Branching:
    """Works on the conversation that is shown."""

    def __init__(self, backend: Backend, owner: ChatOwner) -> None:
        self._backend = backend
        self._owner = owner

    def begin_edit(self, message_id: UUID) -> None:
        """Bring a question into the composer; what was typed there comes back afterwards."""
        message = self._owner.state.transcript.message(message_id)
        if message is not None and message.role is Role.USER:
            self._owner.change(editing=message_id)

    def edit_last(self) -> None:
        """Bring the last question into the composer."""
        questions = [m for m in self._owner.state.transcript.messages if m.role is Role.USER]
        if questions:
            self.begin_edit(questions[-1].id)

    def cancel_edit(self) -> None:
        """Leave the question as it is."""
        if self._owner.state.editing is not None:
            self._owner.change(editing=None)

    async def send_edited(self, text: str) -> None:
        """Ask the edited question: a sibling of the old one, also of the first."""
        state = self._owner.state
        message = state.transcript.message(state.editing) if state.editing is not None else None
        if message is None or not text.strip() or state.cannot_send:
            return
        self._owner.remember_leaf(message.id)
        kept = tuple(file.id for file in message.attachments)
        request = ChatRequest(
            conversation_id=message.conversation_id,
            content=text,
            parent_id=message.parent_id,
            as_root=message.parent_id is None,
            attachments=kept,
            model=state.asked_model,
        )
        self._owner.change(sending=True, failure=None, editing=None)
        failure = await self._owner.ask(request, message.conversation_id)
        if failure is not None:
            self._owner.change(editing=message.id)

    async def ask_again(self, message_id: UUID, model: str | None = None) -> None:
        """One more answer to the same question, beside the old one, also from another model."""
        state = self._owner.state
        message = state.transcript.message(message_id)
        if message is None or message.parent_id is None or state.cannot_send:
            return
        self._owner.remember_leaf(message.id)
        self._owner.change(sending=True, failure=None)
        request = ChatRequest(
            conversation_id=message.conversation_id,
            answer_to=message.parent_id,
            model=model or state.asked_model,
        )
        await self._owner.ask(request, message.conversation_id)

    async def branch_from(self, message_id: UUID) -> None:
        """Go on from here in a conversation of its own; this one stays as it is."""
        state = self._owner.state
        if state.selected is None:
            return
        request = BranchRequest(message_id=message_id)
        made = await self._backend.branch_conversation(state.selected, request)
        self._owner.conversation_arrived(made)
        await self._owner.select(made.id)
