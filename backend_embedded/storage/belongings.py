"""What belongs to conversations besides messages: files, summaries and presets, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.context import Summary
from backend_embedded.contract.presets import Preset, PresetValues
from backend_embedded.errors import Conflict, NotFound
from backend_embedded.storage.rows import AnyRow, as_attachment, as_summary
from backend_embedded.storage.schema import attachments, presets, summaries

# -- files ----------------------------------------------------------------------------------------


async def keep_attachment(connection: AsyncConnection, file: AttachmentText) -> Attachment:
    """Keep a file that is not sent yet."""
    facts = file.attachment.model_dump()
    await connection.execute(
        insert(attachments).values(**facts, created_at=datetime.now(UTC), text=file.text)
    )
    return file.attachment


async def attachment(connection: AsyncConnection, attachment_id: UUID) -> AttachmentText:
    """A file and its text, or NotFound."""
    row = await _attachment(connection, attachment_id)
    return AttachmentText(attachment=as_attachment(row), text=row.text)


async def remove_attachment(connection: AsyncConnection, attachment_id: UUID) -> None:
    """Forget a file that was not sent; one that was is a part of its question."""
    row = await _attachment(connection, attachment_id)
    if row.conversation_id is not None:
        raise Conflict("This file was sent with a question and belongs to it.")
    await connection.execute(delete(attachments).where(attachments.c.id == attachment_id))


async def attach(
    connection: AsyncConnection, conversation_id: UUID, files: Sequence[UUID]
) -> list[Attachment]:
    """Make files a part of a conversation; those of another one are copied."""
    found = []
    for file in dict.fromkeys(files):
        row = await _attachment(connection, file)
        if row.conversation_id not in (None, conversation_id):
            found += await copied(connection, conversation_id, [file])
            continue
        await connection.execute(
            update(attachments).where(attachments.c.id == file).values(conversation_id=conversation_id)
        )
        found.append(as_attachment(row))
    return found


async def copied(
    connection: AsyncConnection, conversation_id: UUID, files: Sequence[UUID]
) -> list[Attachment]:
    """Copies of files for another conversation."""
    made = []
    for file in files:
        row = await _attachment(connection, file)
        values = {**row._mapping, "id": uuid4(), "conversation_id": conversation_id}
        await connection.execute(insert(attachments).values(values))
        made.append(as_attachment(row).model_copy(update={"id": values["id"]}))
    return made


async def _attachment(connection: AsyncConnection, attachment_id: UUID) -> AnyRow:
    rows = await connection.execute(select(attachments).where(attachments.c.id == attachment_id))
    row = rows.one_or_none()
    if row is None:
        raise NotFound("There is no such file.", remedy="Attach it again.", attachment_id=str(attachment_id))
    return row


# -- summaries ------------------------------------------------------------------------------------


async def summaries_of(connection: AsyncConnection, conversation_id: UUID) -> tuple[Summary, ...]:
    """All summaries of a conversation, oldest first."""
    rows = await connection.execute(
        select(summaries).where(summaries.c.conversation_id == conversation_id).order_by(summaries.c.number)
    )
    return tuple(as_summary(row) for row in rows)


async def keep_summary(connection: AsyncConnection, conversation_id: UUID, summary: Summary) -> Summary:
    """Keep a new summary."""
    values = summary.model_dump(mode="json") | {"id": summary.id, "conversation_id": conversation_id}
    await connection.execute(insert(summaries).values(values))
    return summary


async def change_summary(connection: AsyncConnection, summary_id: UUID, text: str) -> Summary:
    """Give a summary the text that the user wrote."""
    await connection.execute(
        update(summaries).where(summaries.c.id == summary_id).values(text=text, edited=True)
    )
    row = (await connection.execute(select(summaries).where(summaries.c.id == summary_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such summary.", summary_id=str(summary_id))
    return as_summary(row)


# -- presets --------------------------------------------------------------------------------------


async def all_presets(connection: AsyncConnection) -> tuple[Preset, ...]:
    """All presets by name."""
    rows = await connection.execute(select(presets).order_by(presets.c.name))
    return tuple(_preset(row) for row in rows)


async def keep_preset(connection: AsyncConnection, values: PresetValues, preset_id: UUID | None) -> Preset:
    """Keep a new preset, or change one.

    Raises:
        Conflict: another one has the name. NotFound: there is none with the id.
    """
    content = values.model_dump(mode="json", exclude={"name"})
    try:
        if preset_id is None:
            preset_id = uuid4()
            await connection.execute(insert(presets).values(id=preset_id, name=values.name, content=content))
        else:
            await connection.execute(
                update(presets).where(presets.c.id == preset_id).values(name=values.name, content=content)
            )
    except IntegrityError as error:
        raise Conflict(
            f"There is a preset named “{values.name}” already.", remedy="Choose another name."
        ) from error
    return await _found_preset(connection, preset_id)


async def remove_preset(connection: AsyncConnection, preset_id: UUID) -> None:
    """Forget a preset; conversations keep the values they took from it."""
    await _found_preset(connection, preset_id)
    await connection.execute(delete(presets).where(presets.c.id == preset_id))


async def _found_preset(connection: AsyncConnection, preset_id: UUID) -> Preset:
    row = (await connection.execute(select(presets).where(presets.c.id == preset_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such preset.", preset_id=str(preset_id))
    return _preset(row)


def _preset(row: AnyRow) -> Preset:
    return Preset(id=row.id, name=row.name, **row.content)
