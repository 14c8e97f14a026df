"""Questions and answers as they come into the tree, inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import Conversation, ConversationCreate, MessageStatus, Seam
from backend_embedded.contract.generation import Role
from backend_embedded.contract.transfer import WholeConversation
from backend_embedded.errors import Conflict
from backend_embedded.storage import belongings, listing, tree, whole
from backend_embedded.storage.port import Turn
from backend_embedded.storage.rows import AnyRow
from backend_embedded.storage.schema import messages

UNNAMED = ConversationCreate().title


async def ask(
    connection: AsyncConnection,
    content: str,
    title: str,
    conversation_id: UUID | None,
    parent_id: UUID | None,
    as_root: bool,
    files: Sequence[UUID],
    home_id: UUID | None,
) -> Turn:
    """Store a question and the empty answer to it, which the backend of a home writes."""
    there = await _conversation(connection, conversation_id, title)
    parent = None if as_root else parent_id or there.leaf_id
    depth = 0
    if parent is not None:
        row = await tree.message_of(connection, there.id, parent)
        tree.refuse_if_writing(row)
        depth = row.depth
    elif there.title == UNNAMED:
        await tree.set_conversation(connection, there.id, title=title, titled_by="question")
    question = await tree.add(
        connection, there.id, parent, depth + 1, Role.USER, content, MessageStatus.COMPLETE
    )
    if files:
        attached = await belongings.attach(connection, there.id, files)
        facts = [one.model_dump(mode="json") for one in attached]
        await connection.execute(update(messages).where(messages.c.id == question).values(attachments=facts))
    answer = await tree.add(
        connection, there.id, question, depth + 2, Role.ASSISTANT, "", MessageStatus.WRITING, home_id
    )
    await tree.set_conversation(connection, there.id, leaf_id=answer, draft="", updated_at=datetime.now(UTC))
    return await _turn(connection, there.id, question, answer)


async def answer_again(connection: AsyncConnection, question_id: UUID, home_id: UUID | None) -> Turn:
    """Store one more empty answer to a question."""
    row = await tree.message(connection, question_id)
    if row.role != Role.USER:
        raise Conflict("Only a question can be answered.", message_id=str(question_id))
    answer = await tree.add(
        connection,
        row.conversation_id,
        row.id,
        row.depth + 1,
        Role.ASSISTANT,
        "",
        MessageStatus.WRITING,
        home_id,
    )
    await tree.set_conversation(connection, row.conversation_id, leaf_id=answer, updated_at=datetime.now(UTC))
    return await _turn(connection, row.conversation_id, None, answer)


async def reopen(connection: AsyncConnection, answer_id: UUID, home_id: UUID | None) -> Turn:
    """Set an answer to `writing` again."""
    row = await tree.message(connection, answer_id)
    tree.refuse_if_writing(row)
    if row.role != Role.ASSISTANT:
        raise Conflict("Only an answer can be continued.", message_id=str(answer_id))
    await connection.execute(
        update(messages)
        .where(messages.c.id == answer_id)
        .values(status=MessageStatus.WRITING, error=None, home_id=home_id)
    )
    leaf = await tree.newest_end(connection, answer_id)
    await tree.set_conversation(connection, row.conversation_id, leaf_id=leaf, updated_at=datetime.now(UTC))
    return await _turn(connection, row.conversation_id, None, answer_id)


async def add_seam(connection: AsyncConnection, message_id: UUID, seam: Seam) -> None:
    """Keep where another provider went on with an answer."""
    row: AnyRow = await tree.message(connection, message_id)
    seams = [*(row.seams or ()), seam.model_dump(mode="json")]
    await connection.execute(update(messages).where(messages.c.id == message_id).values(seams=seams))


async def branch_off(
    connection: AsyncConnection, conversation_id: UUID, message_id: UUID, title: str | None
) -> Conversation:
    """Copy the branch that ends in a message into a conversation of its own, with all that belongs to it."""
    tree.refuse_if_writing(await tree.message_of(connection, conversation_id, message_id))
    everything = await whole.take(connection, conversation_id)
    kept = {message.id for message in await tree.upwards(connection, conversation_id, message_id, None)}
    messages_kept = tuple(message for message in everything.messages if message.id in kept)
    attached = {one.id for message in messages_kept for one in message.attachments}
    now = datetime.now(UTC)
    origin = everything.conversation
    changed = {
        "title": title or origin.title,
        "created_at": now,
        "updated_at": now,
        "leaf_id": message_id,
        "draft": "",
        "pinned": False,
        "archived_at": None,
        "deleted_at": None,
    }
    part = WholeConversation(
        conversation=origin.model_copy(update=changed),
        messages=messages_kept,
        files=tuple(file for file in everything.files if file.attachment.id in attached),
        summaries=tuple(one for one in everything.summaries if kept.issuperset(one.covers)),
    )
    made = whole.renumbered(part)
    await whole.put(connection, made)
    return await tree.conversation(connection, made.conversation.id)


async def _conversation(
    connection: AsyncConnection, conversation_id: UUID | None, title: str
) -> Conversation:
    if conversation_id is not None:
        return await tree.conversation(connection, conversation_id)
    made = await listing.create(connection, ConversationCreate(title=title))
    await tree.set_conversation(connection, made.id, titled_by="question")
    return made


async def _turn(
    connection: AsyncConnection, conversation_id: UUID, question: UUID | None, answer: UUID
) -> Turn:
    return Turn(
        conversation=await tree.conversation(connection, conversation_id),
        question=None if question is None else await tree.full_message(connection, question),
        answer=await tree.full_message(connection, answer),
    )
