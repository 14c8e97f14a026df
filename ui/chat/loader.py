"""Reads conversations and messages from the backend into the chat page's state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from ui.chat import transcript_edits
from ui.chat.state import PAGE_SIZE, Transcript
from ui.client.port import ClientError

if TYPE_CHECKING:
    from backend_embedded.contract.conversations import Conversation
    from ui.chat.store import ChatStore
    from ui.client.port import Backend

MAX_RELOADED = 200
"""Messages that are read again at most; older ones come back by scrolling."""
MOST_LISTS = 5
"""Times that the list is read at most while it changes; each change is told by an event too."""

GIVEN_UP = ErrorBody(
    code=ErrorCode.TIMED_OUT, message="Reading the chat was cancelled. Nothing of it was lost."
)


class Loader:
    """Reads what is shown; what comes after something else was selected is dropped."""

    def __init__(self, backend: Backend, store: ChatStore) -> None:
        self._backend = backend
        self._store = store

    async def resync(self) -> None:
        """Read the list, and the shown conversation."""
        store = self._store
        conversations = await self._read_list()
        shown = tuple(c for c in conversations if c.deleted_at is None)
        ids = {c.id for c in shown}
        # The archive is read when it is opened; what is known of it stays.
        shown += tuple(c for c in store.kept.conversations if c.archived_at is not None and c.id not in ids)
        store.change(conversations=shown, loaded=True)
        selected = store.kept.selected
        if selected is not None and selected not in {c.id for c in shown}:
            store.leave(selected)
            store.tell()
        elif selected is not None:
            await self.reload()

    async def _read_list(self) -> list[Conversation]:
        """The list, read again when a conversation came or went meanwhile: an old list would take it away."""
        for _ in range(MOST_LISTS):
            arrivals = self._store.arrivals
            conversations = await self._backend.conversations(limit=1000)
            if arrivals == self._store.arrivals:
                break
        return conversations

    async def reload(self) -> None:
        """Read as many messages again as there are."""
        await self.load(max(PAGE_SIZE, min(len(self._store.kept.transcript.messages), MAX_RELOADED)))

    async def load(self, limit: int = PAGE_SIZE) -> None:
        """Read the last messages of the shown branch."""
        store = self._store
        selected, selection = store.kept.selected, store.selection
        if selected is None:
            return
        try:
            page = await self._backend.messages(selected, limit=limit)
        except ClientError as error:
            if selection == store.selection:
                loaded = store.kept.transcript
                shown = None if loaded.messages else error.body
                store.change(transcript=replace(loaded, loading=False, error=shown))
            return
        if selection != store.selection:
            return
        ids = {message.id for message in page.messages}
        lives = store.answers.live().values()
        if any(a.message_id not in ids for a in lives if a.conversation_id == selected):
            # The page was read before the answer that is being made was stored; the next event brings it.
            store.change(transcript=replace(store.kept.transcript, loading=False))
            return
        store.answers.unconfirmed -= ids
        store.change(transcript=Transcript(messages=tuple(page.messages), total=page.total))

    def give_up(self) -> None:
        """Wait no longer for the shown branch; what comes of it late is dropped."""
        if self._store.kept.transcript.loading and not self._store.kept.transcript.messages:
            self._store.selection += 1
            self._store.change(transcript=Transcript(error=GIVEN_UP))

    async def load_older(self) -> None:
        """Read the messages above the loaded ones."""
        store = self._store
        transcript, selection, selected = store.kept.transcript, store.selection, store.kept.selected
        if selected is None or transcript.loading or not transcript.has_older or not transcript.messages:
            return
        leaf, before = transcript.messages[-1].id, transcript.messages[0].id
        store.change(transcript=replace(transcript, loading=True))
        try:
            page = await self._backend.messages(selected, leaf=leaf, limit=PAGE_SIZE, before=before)
        finally:
            if selection == store.selection:
                store.put(transcript=replace(store.kept.transcript, loading=False))
        if selection == store.selection:
            loaded = store.kept.transcript
            longer = transcript_edits.prepended(loaded, page.messages, page.total + loaded.below)
            store.change(transcript=longer)
