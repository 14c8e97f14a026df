"""Pins, files away, tags and archives conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import ConversationPatch
from backend_embedded.contract.transfer import ExportFormat

if TYPE_CHECKING:
    from uuid import UUID

    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend

SUFFIX = {ExportFormat.JSON: ".json", ExportFormat.MARKDOWN: ".md"}


class Keeping:
    """Changes of the list that are no message."""

    def __init__(self, backend: Backend, owner: ChatOwner) -> None:
        self._backend = backend
        self._owner = owner

    async def pin(self, conversation_id: UUID, pinned: bool) -> None:
        """Keep it at the top of the list, or not."""
        await self._patch(conversation_id, ConversationPatch(pinned=pinned))

    async def archive(self, conversation_id: UUID, archived: bool) -> None:
        """Take it out of the list into the archive, or back."""
        await self._patch(conversation_id, ConversationPatch(archived=archived))

    async def put_in_folder(self, conversation_id: UUID, folder: str) -> None:
        """Show it under this heading; empty: under its day."""
        path = "/".join(name.strip() for name in folder.split("/") if name.strip())[:200]
        await self._patch(conversation_id, ConversationPatch(folder=path))

    async def tag(self, conversation_id: UUID, tags: tuple[str, ...]) -> None:
        """Give it these tags and no others."""
        await self._patch(conversation_id, ConversationPatch(tags=tags))

    def narrow(self, tag: str) -> None:
        """List only the chats with this tag; empty: all of them."""
        self._owner.change(tag=tag)

    def show_archive(self, shown: bool) -> None:
        """Show the archived conversations in place of the others, or the others again."""
        self._owner.change(archive_shown=shown)
        if shown:
            self._owner.spawn(self._load_archive())

    def file_name(self, conversation_id: UUID | None, format_: ExportFormat) -> str:
        """What an exported file is called."""
        found = (c.title for c in self._owner.state.conversations if c.id == conversation_id)
        title = next(found, "Chats")
        plain = "".join(letter if letter.isalnum() or letter in " -_" else " " for letter in title)
        return " ".join(plain.split())[:80].strip() + SUFFIX[format_]

    async def _load_archive(self) -> None:
        archived = await self._backend.conversations(limit=1000, archived=True)
        ids = {one.id for one in archived}
        others = tuple(c for c in self._owner.state.conversations if c.id not in ids)
        self._owner.change(conversations=(*others, *archived))

    async def _patch(self, conversation_id: UUID, patch: ConversationPatch) -> None:
        self._owner.conversation_arrived(await self._backend.patch_conversation(conversation_id, patch))
