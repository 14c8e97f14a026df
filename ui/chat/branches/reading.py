"""Goes to another branch, and to the place of a message far above or on another branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import ConversationPatch
from backend_embedded.contract.errors import ErrorCode
from ui.chat.state import PAGE_SIZE, Transcript
from ui.client.port import ClientError

if TYPE_CHECKING:
    from uuid import UUID

    from ui.chat.branches.left_ends import LeftEnds
    from ui.chat.loader import Loader
    from ui.chat.store import ChatStore
    from ui.client.port import Backend

MOST_SPANNED = 200
"""Messages between the newest and a sought one that are read to show both."""


class BranchReading:
    """Remembers where each branch was left, so that the arrows come back there."""

    def __init__(self, backend: Backend, store: ChatStore, loader: Loader, left: LeftEnds) -> None:
        self._backend = backend
        self._store = store
        self._loader = loader
        self._left = left

    def remember_leaf(self, below: UUID | None = None) -> None:
        """Note where the shown branch ends under each message that has others beside it.

        Args:
            below: a message that is about to get one beside it.
        """
        state = self._store.kept
        messages, shown = state.transcript.messages, state.conversation
        if not messages:
            return
        end = messages[-1].id
        if state.transcript.below and shown is not None and shown.leaf_id is not None:
            end = shown.leaf_id
        self._left.leave((m.id for m in messages if len(m.siblings) > 1 or m.id == below), end)

    async def show_sibling(self, message_id: UUID, step: int) -> None:
        """Show the next (+1) or previous (-1) message beside this one."""
        state = self._store.state
        message = state.transcript.message(message_id)
        if message is None or message_id not in message.siblings or state.live_here:
            return
        place = message.siblings.index(message_id) + step
        if 0 <= place < len(message.siblings):
            await self.show_leaf(message.siblings[place])

    async def show_leaf(self, message_id: UUID) -> None:
        """Show the branch that goes through this message, to where it was left last time."""
        selected = self._store.kept.selected
        if selected is None:
            return
        self.remember_leaf()
        try:
            await self._end_at(selected, self._left.below(message_id))
        except ClientError as error:
            if error.code is not ErrorCode.NOT_FOUND or self._left.below(message_id) == message_id:
                raise
            self._left.forget(message_id)
            await self._end_at(selected, message_id)
        await self._loader.reload()

    async def _end_at(self, conversation_id: UUID, leaf_id: UUID) -> None:
        patch = ConversationPatch(leaf_id=leaf_id)
        self._store.conversation_arrived(await self._backend.patch_conversation(conversation_id, patch))

    async def bring(self, message_id: UUID) -> None:
        """Load the place of a message of the shown conversation."""
        store = self._store
        selected, selection, shown = store.kept.selected, store.selection, store.kept.transcript
        if selected is None or shown.message(message_id) is not None:
            return
        around = await self._backend.messages(selected, leaf=message_id, limit=PAGE_SIZE)
        distance = shown.total - around.total
        if 0 <= distance <= MOST_SPANNED:
            page = await self._backend.messages(selected, limit=distance + PAGE_SIZE)
            if selection == store.selection and any(m.id == message_id for m in page.messages):
                store.change(transcript=Transcript(messages=page.messages, total=page.total))
                return
        if selection != store.selection:
            return
        if distance > MOST_SPANNED:
            # Too far to lay out all between; the newest are one press away.
            total = around.total + distance
            store.change(transcript=Transcript(messages=around.messages, total=total, below=distance))
        else:
            await self.show_leaf(message_id)
