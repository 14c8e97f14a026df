"""Whole conversations out of the store and into it, inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, String, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.attachments import AttachmentText
from backend_embedded.contract.context import AnswerContext
from backend_embedded.contract.conversations import Message, MessageStatus
from backend_embedded.contract.transfer import WholeConversation
from backend_embedded.errors import InvalidInput
from backend_embedded.storage import belongings, tree
from backend_embedded.storage.ledger import SOURCE, announce_event
from backend_embedded.storage.rows import as_attachment, as_message
from backend_embedded.storage.schema import attachments, conversations, messages, summaries


async def ids(connection: AsyncConnection) -> tuple[UUID, ...]:
    """All conversations outside the bin, oldest first."""
    rows = await connection.execute(
        select(conversations.c.id)
        .where(conversations.c.deleted_at.is_(None))
        .order_by(conversations.c.created_at, conversations.c.id)
    )
    return tuple(row.id for row in rows)


async def take(connection: AsyncConnection, conversation_id: UUID) -> WholeConversation:
    """A conversation with all that belongs to it, or NotFound."""
    there = await tree.conversation(connection, conversation_id)
    rows = await connection.execute(
        select(messages).where(messages.c.conversation_id == conversation_id).order_by(messages.c.number)
    )
    files = await connection.execute(
        select(attachments)
        .where(attachments.c.conversation_id == conversation_id)
        .order_by(attachments.c.created_at, attachments.c.id)
    )
    return WholeConversation(
        conversation=there.model_copy(update={"writing": False}),
        messages=tuple(_settled(as_message(row, ())) for row in rows),
        files=tuple(AttachmentText(attachment=as_attachment(row), text=row.text) for row in files),
        summaries=await belongings.summaries_of(connection, conversation_id),
    )


def _settled(message: Message) -> Message:
    """An answer that is being written goes out as one that was cut off."""
    if message.status is not MessageStatus.WRITING:
        return message
    return message.model_copy(update={"status": MessageStatus.INCOMPLETE})


async def put(connection: AsyncConnection, whole: WholeConversation) -> UUID | None:
    """Store a conversation; None when exactly this one is here already.

    Ids are kept; where one of them is taken by something else, all of them are made anew.

    Raises:
        InvalidInput: a message whose parent does not come before it, or that is there twice.
    """
    ends = {message.id for message in whole.messages}
    if whole.conversation.leaf_id not in ends:
        last = whole.messages[-1].id if whole.messages else None
        there = whole.conversation.model_copy(update={"leaf_id": last})
        whole = whole.model_copy(update={"conversation": there})
    whole = _shortened(whole)
    known = await _taken(connection, whole)
    if whole.conversation.id in known and await take(connection, whole.conversation.id) == whole:
        return None
    if known:
        whole = renumbered(whole)
    there = whole.conversation
    values = there.model_dump(exclude={"writing", "settings", "tags"})
    values |= {"settings": there.settings.model_dump(mode="json"), "tags": list(there.tags)}
    await connection.execute(insert(conversations).values(values))
    await announce_event(connection, "CONVERSATION_CREATED", SOURCE, {"conversation_id": str(there.id)})
    now = datetime.now(UTC)
    for file in whole.files:
        facts = file.attachment.model_dump()
        await connection.execute(
            insert(attachments).values(**facts, conversation_id=there.id, created_at=now, text=file.text)
        )
    await _put_messages(connection, there.id, whole.messages)
    for summary in whole.summaries:
        await belongings.keep_summary(connection, there.id, summary)
    return there.id


def _shortened(whole: WholeConversation) -> WholeConversation:
    """The same with names that fit: SQLite takes longer ones, and a move to PostgreSQL would find them."""
    there, named, sent = conversations.c, attachments.c.name, attachments.c.media_type
    files = (
        file.model_copy(
            update={
                "attachment": file.attachment.model_copy(
                    update={
                        "name": _cut(file.attachment.name, named),
                        "media_type": _cut(file.attachment.media_type, sent),
                    }
                )
            }
        )
        for file in whole.files
    )
    short = {
        "title": _cut(whole.conversation.title, there.title),
        "folder": _cut(whole.conversation.folder, there.folder),
    }
    return whole.model_copy(
        update={"conversation": whole.conversation.model_copy(update=short), "files": tuple(files)}
    )


def _cut(text: str, column: Column[Any]) -> str:
    assert isinstance(column.type, String)
    return text[: column.type.length]


async def _taken(connection: AsyncConnection, whole: WholeConversation) -> set[UUID]:
    """Which of the ids of a conversation are in the store already."""
    found: set[UUID] = set()
    rows = await connection.execute(
        select(conversations.c.id).where(conversations.c.id == whole.conversation.id)
    )
    found.update(row.id for row in rows)
    wanted = [message.id for message in whole.messages]
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        rows = await connection.execute(select(messages.c.id).where(messages.c.id.in_(part)))
        found.update(row.id for row in rows)
    files = [file.attachment.id for file in whole.files]
    rows = await connection.execute(select(attachments.c.id).where(attachments.c.id.in_(files)))
    found.update(row.id for row in rows)
    short = [summary.id for summary in whole.summaries]
    rows = await connection.execute(select(summaries.c.id).where(summaries.c.id.in_(short)))
    found.update(row.id for row in rows)
    return found


async def _put_messages(connection: AsyncConnection, conversation_id: UUID, given: Sequence[Message]) -> None:
    depths: dict[UUID | None, int] = {None: 0}
    rows = []
    for message in given:
        if message.parent_id not in depths or message.id in depths:
            raise InvalidInput(
                "A message of the file comes before the one that it answers, or is there twice.",
                remedy="The file is damaged: export it again.",
                message_id=str(message.id),
            )
        depths[message.id] = depths[message.parent_id] + 1
        written = message.status is not MessageStatus.WRITING
        dumped = message.model_dump(mode="json")
        rows.append(
            {
                "id": message.id,
                "conversation_id": conversation_id,
                "parent_id": message.parent_id,
                "depth": depths[message.id],
                "role": message.role,
                "status": message.status if written else MessageStatus.INCOMPLETE,
                "created_at": message.created_at,
                "stats": dumped["stats"],
                "error": dumped["error"],
                "attachments": dumped["attachments"] or None,
                "seams": dumped["seams"] or None,
                "context": dumped["context"],
                "text": message.text,
            }
        )
    if rows:
        await connection.execute(insert(messages), rows)


def renumbered(whole: WholeConversation) -> WholeConversation:
    """The same conversation with new ids throughout."""
    new = {message.id: uuid4() for message in whole.messages}
    files = {file.attachment.id: uuid4() for file in whole.files}
    short = {summary.id: uuid4() for summary in whole.summaries}
    conversation_id = uuid4()
    leaf = whole.conversation.leaf_id
    return WholeConversation(
        conversation=whole.conversation.model_copy(
            update={"id": conversation_id, "leaf_id": None if leaf is None else new.get(leaf)}
        ),
        messages=tuple(
            message.model_copy(
                update={
                    "id": new[message.id],
                    "conversation_id": conversation_id,
                    "parent_id": None if message.parent_id is None else new.get(message.parent_id),
                    "attachments": tuple(
                        one.model_copy(update={"id": files.get(one.id, one.id)})
                        for one in message.attachments
                    ),
                    "context": None if message.context is None else _seen_anew(message, new, short),
                }
            )
            for message in whole.messages
        ),
        files=tuple(
            file.model_copy(
                update={"attachment": file.attachment.model_copy(update={"id": files[file.attachment.id]})}
            )
            for file in whole.files
        ),
        summaries=tuple(
            summary.model_copy(
                update={"id": short[summary.id], "covers": tuple(new.get(one, one) for one in summary.covers)}
            )
            for summary in whole.summaries
        ),
    )


def _seen_anew(message: Message, new: dict[UUID, UUID], short: dict[UUID, UUID]) -> AnswerContext:
    context = message.context
    assert context is not None
    unseen = tuple(new.get(one, one) for one in context.unseen)
    summary = context.summary
    if summary is not None:
        covers = tuple(new.get(one, one) for one in summary.covers)
        summary = summary.model_copy(update={"id": short.get(summary.id, summary.id), "covers": covers})
    return context.model_copy(update={"unseen": unseen, "summary": summary})
