"""Reading and growing a conversation's tree of messages, inside a transaction of the caller."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Integer, cast, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import Conversation, Message, MessageStatus
from backend_embedded.contract.generation import Role
from backend_embedded.errors import Conflict, NotFound
from backend_embedded.storage.rows import (
    SELECT_CONVERSATION,
    AnyRow,
    as_conversation,
    as_message,
    families,
)
from backend_embedded.storage.schema import conversations, messages


async def conversation(connection: AsyncConnection, conversation_id: UUID) -> Conversation:
    """One conversation, or NotFound."""
    rows = await connection.execute(SELECT_CONVERSATION.where(conversations.c.id == conversation_id))
    row = rows.one_or_none()
    if row is None:
        raise NotFound("There is no such conversation.", conversation_id=str(conversation_id))
    return as_conversation(row)


async def set_conversation(connection: AsyncConnection, conversation_id: UUID, **values: Any) -> None:
    """Set columns of a conversation."""
    await connection.execute(
        update(conversations).where(conversations.c.id == conversation_id).values(**values)
    )


async def message(connection: AsyncConnection, message_id: UUID) -> AnyRow:
    """The row of a message, or NotFound."""
    row = (await connection.execute(select(messages).where(messages.c.id == message_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such message.", message_id=str(message_id))
    return row


async def message_of(connection: AsyncConnection, conversation_id: UUID, message_id: UUID) -> AnyRow:
    """The row of a message of that conversation, or NotFound."""
    row = await message(connection, message_id)
    if row.conversation_id != conversation_id:
        raise NotFound(
            "The message belongs to another conversation.",
            message_id=str(message_id),
            conversation_id=str(conversation_id),
        )
    return row


def refuse_if_writing(row: AnyRow) -> None:
    """Raise Conflict if the message is being written."""
    if row.status == MessageStatus.WRITING:
        raise Conflict(
            "This answer is still being written.",
            remedy="Wait for its end, or stop it.",
            message_id=str(row.id),
        )


async def full_message(connection: AsyncConnection, message_id: UUID) -> Message:
    """A message with its siblings, or NotFound."""
    row = await message(connection, message_id)
    return (await _with_siblings(connection, row.conversation_id, [row]))[0]


async def add(
    connection: AsyncConnection,
    conversation_id: UUID,
    parent_id: UUID | None,
    depth: int,
    role: Role,
    text: str,
    status: MessageStatus,
    home_id: UUID | None = None,
) -> UUID:
    """Store a message; returns its id. `home_id`: whose backend writes it."""
    message_id = uuid4()
    await connection.execute(
        insert(messages).values(
            id=message_id,
            conversation_id=conversation_id,
            parent_id=parent_id,
            depth=depth,
            role=role,
            status=status,
            created_at=datetime.now(UTC),
            home_id=home_id,
            text=text,
        )
    )
    return message_id


async def upwards(
    connection: AsyncConnection, conversation_id: UUID, start_id: UUID | None, limit: int | None
) -> tuple[Message, ...]:
    """The messages from `start_id` up to the root, at most `limit`, oldest first."""
    if start_id is None or limit == 0:
        return ()
    # The walk carries ids alone: the text of a long branch is read only for the page.
    first = select(messages.c.id, messages.c.parent_id, cast(literal(1), Integer).label("step"))
    walk = first.where(messages.c.id == start_id).cte("walk", recursive=True)
    above = select(messages.c.id, messages.c.parent_id, walk.c.step + 1).join(
        walk, messages.c.id == walk.c.parent_id
    )
    if limit is not None:
        above = above.where(walk.c.step < limit)
    walk = walk.union_all(above)
    rows = await connection.execute(
        select(messages).join(walk, messages.c.id == walk.c.id).order_by(messages.c.depth)
    )
    return await _with_siblings(connection, conversation_id, list(rows))


async def newest_end(connection: AsyncConnection, message_id: UUID) -> UUID:
    """The end that is reached from a message by the newest child of each."""
    child = messages.alias("child")
    walk = (
        select(messages.c.id, messages.c.depth).where(messages.c.id == message_id).cte("walk", recursive=True)
    )
    newest = (
        select(child.c.id)
        .where(child.c.parent_id == walk.c.id)
        .order_by(child.c.number.desc())
        .limit(1)
        .correlate(walk)
        .scalar_subquery()
    )
    walk = walk.union_all(
        select(messages.c.id, messages.c.depth)
        .join(walk, messages.c.parent_id == walk.c.id)
        .where(messages.c.id == newest)
    )
    found = await connection.scalar(select(walk.c.id).order_by(walk.c.depth.desc()).limit(1))
    return found or message_id


async def _with_siblings(
    connection: AsyncConnection, conversation_id: UUID, rows: list[AnyRow]
) -> tuple[Message, ...]:
    parents = {row.parent_id for row in rows}
    below: ColumnElement[bool] = messages.c.parent_id.in_(
        [parent for parent in parents if parent is not None]
    )
    if None in parents:
        roots = (messages.c.conversation_id == conversation_id) & messages.c.parent_id.is_(None)
        below = or_(below, roots)
    children = await connection.execute(
        select(messages.c.parent_id, messages.c.id).where(below).order_by(messages.c.number)
    )
    by_parent = families(children.all())
    return tuple(as_message(row, by_parent[row.parent_id]) for row in rows)
