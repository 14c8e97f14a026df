"""The list of conversations, and what is changed of one, inside a transaction of the caller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import Conversation, ConversationCreate, ConversationPatch
from backend_embedded.storage import tree
from backend_embedded.storage.ledger import SOURCE, announce_event
from backend_embedded.storage.port import ConversationFilter, ConversationPage
from backend_embedded.storage.rows import SELECT_CONVERSATION, as_conversation
from backend_embedded.storage.schema import conversations


async def create(connection: AsyncConnection, wanted: ConversationCreate) -> Conversation:
    """Make an empty conversation."""
    now = datetime.now(UTC)
    named = wanted.title != ConversationCreate().title
    made = Conversation(
        id=uuid4(),
        title=wanted.title,
        created_at=now,
        updated_at=now,
        folder=wanted.folder,
        draft=wanted.draft,
        titled_by="user" if named else "question",
    )
    values = made.model_dump(
        include={"id", "title", "created_at", "updated_at", "folder", "draft", "titled_by"}
    )
    if wanted.settings is not None:
        values["settings"] = wanted.settings.model_dump(mode="json")
    await connection.execute(insert(conversations).values(values))
    await announce_event(connection, "CONVERSATION_CREATED", SOURCE, {"conversation_id": str(made.id)})
    return await tree.conversation(connection, made.id)


async def page(
    connection: AsyncConnection, limit: int, offset: int, wanted: ConversationFilter
) -> ConversationPage:
    """A part of the list: pinned ones first, then the last changed first."""
    there = _condition(wanted)
    query = SELECT_CONVERSATION.where(there)
    if wanted.tag is not None:
        # JSON is read here, not in SQL: the two databases spell it differently, and lists are short.
        rows = await connection.execute(_ordered(query))
        tagged = [found for row in rows if wanted.tag in (found := as_conversation(row)).tags]
        return ConversationPage(tuple(tagged[offset : offset + limit]), len(tagged))
    rows = await connection.execute(_ordered(query).limit(limit).offset(offset))
    shown = tuple(as_conversation(row) for row in rows)
    total = await connection.scalar(select(func.count()).select_from(conversations).where(there))
    return ConversationPage(shown, total or 0)


async def change(
    connection: AsyncConnection, conversation_id: UUID, patch: ConversationPatch
) -> Conversation:
    """Change what the patch names."""
    await tree.conversation(connection, conversation_id)
    values: dict[str, Any] = patch.model_dump(
        include={"title", "draft", "pinned", "folder", "tags"}, exclude_none=True
    )
    if patch.title is not None:
        values["titled_by"] = "user"
    if patch.tags is not None:
        values["tags"] = list(dict.fromkeys(tag.strip() for tag in patch.tags if tag.strip()))
    if patch.settings is not None:
        values["settings"] = patch.settings.model_dump(mode="json")
    if patch.archived is not None:
        values["archived_at"] = datetime.now(UTC) if patch.archived else None
    if patch.restore:
        values["deleted_at"] = None
    if patch.leaf_id is not None:
        await tree.message_of(connection, conversation_id, patch.leaf_id)
        values["leaf_id"] = await tree.newest_end(connection, patch.leaf_id)
    if patch.title is not None or patch.restore:
        values["updated_at"] = datetime.now(UTC)
    if values:
        await tree.set_conversation(connection, conversation_id, **values)
    return await tree.conversation(connection, conversation_id)


async def entitle(connection: AsyncConnection, conversation_id: UUID, title: str) -> Conversation:
    """Take the title that the model proposes, unless the model or the user gave one."""
    there = await tree.conversation(connection, conversation_id)
    if there.titled_by != "question":
        return there
    await tree.set_conversation(connection, conversation_id, title=title, titled_by="model")
    return await tree.conversation(connection, conversation_id)


def _condition(wanted: ConversationFilter) -> ColumnElement[bool]:
    deleted, archived = conversations.c.deleted_at, conversations.c.archived_at
    conditions: list[ColumnElement[bool]] = [deleted.is_not(None) if wanted.deleted else deleted.is_(None)]
    if not wanted.deleted:
        conditions.append(archived.is_not(None) if wanted.archived else archived.is_(None))
    if wanted.folder is not None:
        below = wanted.folder.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(
            (conversations.c.folder == wanted.folder) | conversations.c.folder.like(f"{below}/%", escape="\\")
        )
    return and_(*conditions)


def _ordered(query: Any) -> Any:
    return query.order_by(
        conversations.c.pinned.desc(), conversations.c.updated_at.desc(), conversations.c.id
    )
