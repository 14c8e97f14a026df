"""Calls for what makes a chat one to live in: list, branches, search, files, presets, export and import."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from pydantic import TypeAdapter

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.conversations import BranchRequest, Conversation, SearchHit
from backend_embedded.contract.envelope import Success
from backend_embedded.contract.presets import Preset, PresetFile, PresetValues
from backend_embedded.contract.transfer import ExportFormat, ImportReport
from ui.client.calls import LONG_CALL_TIMEOUT_S, Calls

_conversation = TypeAdapter(Success[Conversation])
_conversations = TypeAdapter(Success[list[Conversation]])
_hits = TypeAdapter(Success[list[SearchHit]])
_attachment = TypeAdapter(Success[Attachment])
_attachment_text = TypeAdapter(Success[AttachmentText])
_preset = TypeAdapter(Success[Preset])
_presets = TypeAdapter(Success[list[Preset]])
_preset_file = TypeAdapter(Success[PresetFile])
_report = TypeAdapter(Success[ImportReport])
_nothing = TypeAdapter(Success[None])

IMPORT_TIMEOUT_S = 3600.0
"""The user sees that it goes on and can cancel it; this is for a backend that hangs."""
CONVERSATIONS = "/api/v1/conversations"
PRESETS = "/api/v1/presets"


class ChatThings(Calls):
    """These calls; see `Backend`."""

    async def conversations(
        self,
        limit: int = 100,
        offset: int = 0,
        *,
        archived: bool = False,
        folder: str | None = None,
        tag: str | None = None,
    ) -> list[Conversation]:
        """Conversations that are not in the bin, pinned ones first, then last changed first."""
        query: dict[str, str | int] = {"limit": limit, "offset": offset, "deleted": "false"}
        query |= {"archived": "true"} if archived else {}
        query |= {"folder": folder} if folder is not None else {}
        query |= {"tag": tag} if tag is not None else {}
        return (await self._call("GET", CONVERSATIONS, _conversations, query=query)).data

    async def branch_conversation(self, conversation_id: UUID, request: BranchRequest) -> Conversation:
        """A new conversation with the messages up to one."""
        path = f"{CONVERSATIONS}/{conversation_id}/branch"
        return (await self._call("POST", path, _conversation, body=request)).data

    async def search(
        self, query: str, conversation_id: UUID | None = None, limit: int = 50
    ) -> list[SearchHit]:
        """Titles and messages that match, of one conversation or of all."""
        wanted: dict[str, str | int] = {"q": query, "limit": limit}
        wanted |= {"conversation_id": str(conversation_id)} if conversation_id else {}
        return (await self._call("GET", "/api/v1/search", _hits, query=wanted)).data

    async def upload(self, name: str, data: bytes) -> Attachment:
        """Read a file's text; a file that is no text is refused with the reason."""
        answer = await self._call(
            "POST",
            "/api/v1/attachments",
            _attachment,
            body=data,
            query={"name": name},
            limit_s=LONG_CALL_TIMEOUT_S,
        )
        return answer.data

    async def attachment_text(self, attachment_id: UUID) -> AttachmentText:
        """The text that was read of a file."""
        path = f"/api/v1/attachments/{attachment_id}/text"
        return (await self._call("GET", path, _attachment_text)).data

    async def presets(self) -> list[Preset]:
        """All presets by name."""
        return (await self._call("GET", PRESETS, _presets)).data

    async def save_preset(self, values: PresetValues, preset_id: UUID | None = None) -> Preset:
        """Keep a new preset, or change the one of that id."""
        if preset_id is None:
            return (await self._call("POST", PRESETS, _preset, body=values)).data
        return (await self._call("PUT", f"{PRESETS}/{preset_id}", _preset, body=values)).data

    async def delete_preset(self, preset_id: UUID) -> None:
        """Forget a preset."""
        await self._call("DELETE", f"{PRESETS}/{preset_id}", _nothing)

    async def export_presets(self) -> PresetFile:
        """All presets, to be written to a file."""
        return (await self._call("GET", f"{PRESETS}/export", _preset_file)).data

    async def import_presets(self, file: PresetFile) -> list[Preset]:
        """Add the presets of a file; one of the same name is changed."""
        return (await self._call("POST", f"{PRESETS}/import", _presets, body=file)).data

    async def export_conversation(self, conversation_id: UUID, format: ExportFormat) -> bytes:
        """One conversation as a file."""
        return await self._content(
            "GET", f"{CONVERSATIONS}/{conversation_id}/export", query={"format": format.value}
        )

    async def export_all(
        self, format: ExportFormat, on_arrived: Callable[[int, int], object] | None = None
    ) -> bytes:
        """All conversations as a file; `on_arrived` is told their number and the bytes that came, as they come."""
        came = bytearray()
        query = {"format": format.value}
        async with self._arriving("GET", "/api/v1/export", query=query) as (headers, chunks):
            number = int(headers.get("X-Conversations", "0"))
            async for chunk in chunks:
                came += chunk
                if on_arrived is not None:
                    on_arrived(number, len(came))
        return bytes(came)

    async def import_conversations(self, data: bytes) -> ImportReport:
        """Add the conversations of a file."""
        answer = await self._call("POST", "/api/v1/import", _report, body=data, limit_s=IMPORT_TIMEOUT_S)
        return answer.data
