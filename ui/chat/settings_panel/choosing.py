"""Changes how the shown conversation is answered, and keeps presets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from backend_embedded.contract.conversations import ConversationPatch, ConversationSettings
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.presets import PresetFile, PresetValues
from ui.client.port import ClientError

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.presets import Preset
    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend


class Choosing:
    """The settings of the shown conversation; those of a new chat wait for its first message."""

    def __init__(self, backend: Backend, owner: ChatOwner) -> None:
        self._backend = backend
        self._owner = owner

    async def change(self, **fields: Any) -> None:
        """Use other values from the next answer on."""
        state = self._owner.state
        settings = state.settings.model_copy(update=fields)
        if settings == state.settings:
            return
        if state.selected is None:
            self._owner.change(new_settings=settings)
            return
        patch = ConversationPatch(settings=settings)
        self._owner.conversation_arrived(await self._backend.patch_conversation(state.selected, patch))

    async def keep(self, conversation_id: UUID, settings: ConversationSettings) -> None:
        """Store what was chosen before the conversation was."""
        patch = ConversationPatch(settings=settings)
        self._owner.conversation_arrived(await self._backend.patch_conversation(conversation_id, patch))

    async def load_presets(self) -> None:
        """Read the presets anew."""
        self._owner.change(presets=tuple(await self._backend.presets()))

    async def use_preset(self, preset_id: UUID | None) -> None:
        """Copy a preset's values into this conversation; None: the values that hold everywhere."""
        preset = self._preset(preset_id)
        plain = ConversationSettings()
        values = plain if preset is None else preset
        await self.change(
            preset_id=preset.id if preset else None,
            system=values.system,
            model=values.model,
            options=values.options,
        )

    async def save_preset(self, name: str) -> None:
        """Keep the values of this conversation under a name; a known name gets the new values."""
        if not name.strip():
            return
        settings = self._owner.state.settings
        values = PresetValues(
            name=name.strip()[:80], system=settings.system, model=settings.model, options=settings.options
        )
        known = next((p for p in self._owner.state.presets if p.name == values.name), None)
        saved = await self._backend.save_preset(values, known.id if known else None)
        await self.load_presets()
        await self.change(preset_id=saved.id)

    async def rename_preset(self, preset_id: UUID, name: str) -> None:
        """Give a preset another name."""
        preset = self._preset(preset_id)
        if preset is not None and name.strip():
            values = PresetValues.model_validate(
                preset.model_dump(exclude={"id"}) | {"name": name.strip()[:80]}
            )
            await self._backend.save_preset(values, preset_id)
            await self.load_presets()

    async def delete_preset(self, preset_id: UUID) -> None:
        """Take a preset away; conversations that were made from it keep their values."""
        await self._backend.delete_preset(preset_id)
        await self.load_presets()

    async def exported_presets(self) -> bytes:
        """All presets as a file's bytes."""
        file = await self._backend.export_presets()
        return (file.model_dump_json(indent=2) + "\n").encode()

    async def import_presets(self, data: bytes) -> None:
        """Add the presets of a file.

        Raises:
            ClientError: it is no file of presets.
        """
        try:
            file = PresetFile.model_validate(json.loads(data))
        except (ValueError, ValidationError):
            body = ErrorBody(
                code=ErrorCode.INVALID_INPUT,
                message="The file holds no presets.",
                remedy="Choose a file that was exported here.",
            )
            raise ClientError(body) from None
        await self._backend.import_presets(file)
        await self.load_presets()

    def _preset(self, preset_id: UUID | None) -> Preset | None:
        return next((p for p in self._owner.state.presets if p.id == preset_id), None)
