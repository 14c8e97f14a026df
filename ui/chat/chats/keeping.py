"""Pins, files away, archives, exports and imports conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.conversations import ConversationPatch
from backend_embedded.contract.transfer import ExportFormat
from ui.chat import words

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.transfer import ImportReport
    from ui.chat.owner import ChatOwner
    from ui.chat.port import ChatBackend

SUFFIX = {ExportFormat.JSON: ".json", ExportFormat.MARKDOWN: ".md"}


class Keeping:
    """Changes of the list that are no message."""

    def __init__(self, backend: ChatBackend, owner: ChatOwner) -> None:
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

    def show_archive(self, shown: bool) -> None:
        """Show the archived conversations in place of the others, or the others again."""
        self._owner.change(archive_shown=shown)
        if shown:
            self._owner.spawn(self._load_archive())

    async def export(self, conversation_id: UUID | None, format_: ExportFormat) -> bytes:
        """One conversation, or all of them, as a file's bytes."""
        if conversation_id is None:
            return await self._backend.export_all(format_)
        return await self._backend.export_conversation(conversation_id, format_)

    async def bring_in(self, data: bytes) -> ImportReport:
        """Add the conversations of a file; the list follows by the backend's events."""
        return await self._backend.import_conversations(data)

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


def report_words(report: ImportReport) -> str:
    """What an import brought, in a line."""
    parts = [
        f"{words.counted(len(report.conversations), 'chat')} with {words.counted(report.messages, 'message')}"
    ]
    if report.unchanged:
        parts.append(
            f"{words.counted(report.unchanged, 'chat')} was here already"
            if report.unchanged == 1
            else f"{words.counted(report.unchanged, 'chat')} were here already"
        )
    if report.skipped:
        parts.append("left out: " + ", ".join(report.skipped))
    return "; ".join(parts) + "."
