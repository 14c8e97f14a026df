"""The part of the scripted backend that a chat to live in asks: context, branches, files, presets, transfer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.context import ContextRequest, ContextUse, Summary
from backend_embedded.contract.conversations import BranchRequest, Conversation, Message
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.presets import Preset, PresetFile, PresetValues
from backend_embedded.contract.transfer import ExportFormat, ImportFormat, ImportReport
from ui.client.port import ClientError

ROOM = ContextUse(
    model="tinyllama-1.1b-chat-v1.0.Q4_0",
    provider="llama.cpp",
    size=2048,
    largest=2048,
    prompt=940,
    system=180,
    history=600,
    attachments=0,
    question=120,
    overhead=40,
    room=1108,
    fits=True,
)
NO_TEXT = ErrorBody(code=ErrorCode.INVALID_INPUT, message="It is an image; only text can be attached.")


class ScriptedChat:
    """Answers in memory.

    Attributes:
        use: what every question would cost.
        shelf: presets by id.
        uploaded: files by id.
        files_out, files_in: what an export gives, what was imported.
        imported: what an import tells; None: one chat.
        moving_gate: exports of all and imports wait for it.
    """

    listed: dict[UUID, Conversation]
    stored: dict[UUID, list[Message]]

    def __init__(self) -> None:
        self.use: ContextUse = ROOM
        self.shelf: dict[UUID, Preset] = {}
        self.uploaded: dict[UUID, AttachmentText] = {}
        self.files_out = b"{}\n"
        self.files_in: list[bytes] = []
        self.imported: ImportReport | None = None
        self.moving_gate: asyncio.Event | None = None

    def new_id(self) -> UUID:
        """The next id."""
        raise NotImplementedError

    def _take(self, call: str, argument: Any = None) -> None:
        raise NotImplementedError

    async def context_use(self, request: ContextRequest) -> ContextUse:
        """The same for every question."""
        self._take("context_use", request)
        return self.use

    async def change_summary(self, summary_id: UUID, text: str) -> Summary:
        """The edited one."""
        self._take("change_summary", (summary_id, text))
        return Summary(id=summary_id, text=text, covers=(), edited=True, tokens=len(text) // 4)

    async def branch_conversation(self, conversation_id: UUID, request: BranchRequest) -> Conversation:
        """A conversation with the messages up to that one."""
        self._take("branch_conversation", request)
        old, key = self.listed[conversation_id], self.new_id()
        branch = self.stored[conversation_id]
        end = next(i for i, message in enumerate(branch) if message.id == request.message_id)
        copied = [m.model_copy(update={"conversation_id": key}) for m in branch[: end + 1]]
        made = old.model_copy(
            update={"id": key, "title": f"{old.title} (branch)", "leaf_id": request.message_id}
        )
        self.listed[key], self.stored[key] = made, copied
        return made

    async def upload(self, name: str, data: bytes) -> Attachment:
        """Four characters are a token; what is no UTF-8 is refused."""
        self._take("upload", name)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise ClientError(NO_TEXT) from None
        made = Attachment(
            id=self.new_id(),
            name=name,
            media_type="text/plain",
            size_bytes=len(data),
            characters=len(text),
            tokens=max(1, len(text) // 4),
        )
        self.uploaded[made.id] = AttachmentText(attachment=made, text=text)
        return made

    async def attachment_text(self, attachment_id: UUID) -> AttachmentText:
        """What was uploaded."""
        return self.uploaded[attachment_id]

    async def presets(self) -> list[Preset]:
        """Those on the shelf."""
        self._take("presets")
        return list(self.shelf.values())

    async def save_preset(self, values: PresetValues, preset_id: UUID | None = None) -> Preset:
        """Put it on the shelf."""
        self._take("save_preset", values)
        made = Preset(id=preset_id or self.new_id(), **{name: getattr(values, name) for name in FIELDS})
        self.shelf[made.id] = made
        return made

    async def delete_preset(self, preset_id: UUID) -> None:
        """Take it off the shelf."""
        self._take("delete_preset", preset_id)
        del self.shelf[preset_id]

    async def export_presets(self) -> PresetFile:
        """All of the shelf."""
        values = (PresetValues(**p.model_dump(exclude={"id"})) for p in self.shelf.values())
        return PresetFile(presets=tuple(values))

    async def import_presets(self, file: PresetFile) -> list[Preset]:
        """Put them on the shelf."""
        return [await self.save_preset(values) for values in file.presets]

    async def export_conversation(self, conversation_id: UUID, format: ExportFormat) -> bytes:
        """What was arranged."""
        self._take("export_conversation", (conversation_id, format))
        return self.files_out

    async def export_all(
        self, format: ExportFormat, on_arrived: Callable[[int, int], object] | None = None
    ) -> bytes:
        """What was arranged, when the gate is open."""
        self._take("export_all", format)
        if on_arrived is not None:
            on_arrived(3, len(self.files_out))
        if self.moving_gate is not None:
            await self.moving_gate.wait()
        return self.files_out

    async def import_conversations(self, data: bytes) -> ImportReport:
        """Note the file."""
        self._take("import_conversations")
        if self.moving_gate is not None:
            await self.moving_gate.wait()
        self.files_in.append(data)
        return self.imported or ImportReport(
            format=ImportFormat.SUTAZAI, conversations=(self.new_id(),), messages=12
        )


FIELDS = tuple(PresetValues.model_fields)
