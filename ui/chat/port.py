"""What the chat page asks of the backend, and what it is told while things happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ui.client.port import Backend

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.attachments import Attachment, AttachmentText
    from backend_embedded.contract.conversations import (
        BranchRequest,
        Conversation,
        Message,
        SearchHit,
    )
    from backend_embedded.contract.presets import Preset, PresetFile, PresetValues
    from backend_embedded.contract.transfer import ExportFormat, ImportReport
    from ui.chat.state import ChatState


class ChatBackend(Backend, Protocol):
    """The calls of a chat to live in. Every method raises `ClientError`."""

    async def branch_conversation(self, conversation_id: UUID, request: BranchRequest) -> Conversation:
        """A new conversation with the messages up to one."""
        ...

    async def search(
        self, query: str, conversation_id: UUID | None = None, limit: int = 50
    ) -> list[SearchHit]:
        """Messages that match a full-text search, of one conversation or of all."""
        ...

    async def upload(self, name: str, data: bytes) -> Attachment:
        """Read a file's text; a file that is no text is refused with the reason."""
        ...

    async def attachment_text(self, attachment_id: UUID) -> AttachmentText:
        """The text that was read of a file."""
        ...

    async def presets(self) -> list[Preset]:
        """All presets."""
        ...

    async def save_preset(self, values: PresetValues, preset_id: UUID | None = None) -> Preset:
        """Keep a new preset, or change the one of that id."""
        ...

    async def delete_preset(self, preset_id: UUID) -> None:
        """Take a preset away."""
        ...

    async def export_presets(self) -> PresetFile:
        """All presets, to be written to a file."""
        ...

    async def import_presets(self, file: PresetFile) -> list[Preset]:
        """Add the presets of a file."""
        ...

    async def export_conversation(self, conversation_id: UUID, format: ExportFormat) -> bytes:
        """One conversation as a file."""
        ...

    async def export_all(self, format: ExportFormat) -> bytes:
        """All conversations as a file."""
        ...

    async def import_conversations(self, data: bytes) -> ImportReport:
        """Add the conversations of a file."""
        ...


class ChatListener(Protocol):
    """One who watches the presenter; called on the loop's thread, must not block."""

    def state_changed(self, state: ChatState) -> None:
        """Anything but streamed text changed."""

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        """Some more text of an answer; it is not in any state sent before."""

    def answer_finished(self, conversation_id: UUID, message: Message) -> None:
        """An answer is complete, stopped or cut off."""
