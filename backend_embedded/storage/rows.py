"""Reading rows as the wire's conversations and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, exists, select

from backend_embedded.contract.attachments import Attachment
from backend_embedded.contract.context import AnswerContext, Summary
from backend_embedded.contract.conversations import (
    Conversation,
    ConversationSettings,
    Message,
    MessageStatus,
    Seam,
)
from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.generation import GenerationStats, Role
from backend_embedded.storage.schema import conversations, messages

AnyRow = Row[*tuple[Any, ...]]

WRITING: ColumnElement[bool] = exists().where(
    messages.c.conversation_id == conversations.c.id, messages.c.status == MessageStatus.WRITING
)

SELECT_CONVERSATION: Select[Any] = select(conversations, WRITING.label("writing"))


def as_conversation(row: AnyRow) -> Conversation:
    """A row of `SELECT_CONVERSATION`."""
    return Conversation(
        id=row.id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        leaf_id=row.leaf_id,
        draft=row.draft,
        writing=bool(row.writing),
        pinned=row.pinned,
        archived_at=row.archived_at,
        folder=row.folder,
        tags=tuple(row.tags or ()),
        titled_by=row.titled_by,
        settings=ConversationSettings.model_validate(row.settings or {}),
    )


def as_message(row: AnyRow, siblings: Sequence[UUID]) -> Message:
    """A row of `messages` with the ids of all children of its parent."""
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        parent_id=row.parent_id,
        role=Role(row.role),
        text=row.text,
        status=MessageStatus(row.status),
        created_at=row.created_at,
        siblings=tuple(siblings),
        stats=None if row.stats is None else GenerationStats.model_validate(row.stats),
        error=None if row.error is None else ErrorBody.model_validate(row.error),
        attachments=tuple(Attachment.model_validate(one) for one in row.attachments or ()),
        seams=tuple(Seam.model_validate(one) for one in row.seams or ()),
        context=None if row.context is None else AnswerContext.model_validate(row.context),
    )


def families(rows: Iterable[AnyRow]) -> Mapping[UUID | None, list[UUID]]:
    """Children by parent, from rows of `(parent_id, id)` in the order they came."""
    found: dict[UUID | None, list[UUID]] = {}
    for row in rows:
        found.setdefault(row.parent_id, []).append(row.id)
    return found


def as_attachment(row: AnyRow) -> Attachment:
    """A row of `attachments`, without its text."""
    return Attachment(
        id=row.id,
        name=row.name,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        characters=row.characters,
        tokens=row.tokens,
        pages=row.pages,
    )


def as_summary(row: AnyRow) -> Summary:
    """A row of `summaries`."""
    return Summary(id=row.id, text=row.text, covers=row.covers, edited=row.edited, tokens=row.tokens)
