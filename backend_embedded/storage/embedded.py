"""The store of conversations in a SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import aiosqlite
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.conversations import (
    Conversation,
    ConversationCreate,
    ConversationPatch,
    Message,
    MessageStatus,
    SearchHit,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.generation import GenerationStats, Role
from backend_embedded.contract.status import Capability, State
from backend_embedded.errors import Conflict, StorageUnavailable
from backend_embedded.storage import tree
from backend_embedded.storage.connections import open_appender, open_engine, unbroken
from backend_embedded.storage.failures import translated
from backend_embedded.storage.port import BranchPage, ConversationPage, Turn
from backend_embedded.storage.rows import SELECT_CONVERSATION, as_conversation
from backend_embedded.storage.schema import conversations, messages
from backend_embedded.storage.search import find
from backend_embedded.storage.upgrade import upgrade

T = TypeVar("T")

CUT_OFF = ErrorBody(
    code=ErrorCode.ENGINE_CRASHED,
    message="The backend ended while it was answering.",
    remedy="Continue the answer, or ask again.",
)
UNNAMED = ConversationCreate().title

APPEND = "UPDATE messages SET text = text || ? WHERE id = ?"


class SqliteConversationStore:
    """Keeps conversations in one SQLite file; open with `async with`.

    Args:
        file: the database; its folder is made.
        publish: told when the store becomes unusable and usable again.
    """

    def __init__(self, file: Path, publish: Callable[[CapabilityChanged], None]) -> None:
        self._file = file
        self._publish = publish
        self._capability = Capability(
            name="store",
            state=State.OK,
            provider="embedded",
            product=f"SQLite {aiosqlite.sqlite_version}",
            since=datetime.now(UTC),
        )
        self._writer = open_engine(file, writes=True)
        self._reader = open_engine(file, writes=False)
        self._appender: aiosqlite.Connection | None = None

    async def __aenter__(self) -> Self:
        with translated(str(self._file)):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            async with self._writer.begin() as connection:
                await connection.run_sync(upgrade)
                await _close_cut_answers(connection)
            self._appender = await open_appender(self._file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._appender is not None:
            await self._appender.close()
        await self._reader.dispose()
        await self._writer.dispose()

    # -- conversations ----------------------------------------------------------------------------

    def capability(self) -> Capability:
        """State of the store after the last call."""
        return self._capability

    async def create(self, title: str) -> Conversation:
        """Make an empty conversation."""
        return await self._write(lambda connection: _create(connection, title))

    async def conversation(self, conversation_id: UUID) -> Conversation:
        """One conversation."""
        return await self._read(lambda connection: tree.conversation(connection, conversation_id))

    async def conversations(
        self, limit: int = 100, offset: int = 0, deleted: bool = False
    ) -> ConversationPage:
        """A part of the list, last changed first."""
        there = conversations.c.deleted_at.is_not(None) if deleted else conversations.c.deleted_at.is_(None)

        async def work(connection: AsyncConnection) -> ConversationPage:
            rows = await connection.execute(
                SELECT_CONVERSATION.where(there)
                .order_by(conversations.c.updated_at.desc(), conversations.c.id)
                .limit(limit)
                .offset(offset)
            )
            found = tuple(as_conversation(row) for row in rows)
            total = await connection.scalar(select(func.count()).select_from(conversations).where(there))
            return ConversationPage(found, total or 0)

        return await self._read(work)

    async def change(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change what the patch names."""

        async def work(connection: AsyncConnection) -> Conversation:
            await tree.conversation(connection, conversation_id)
            values: dict[str, Any] = {}
            if patch.title is not None:
                values["title"] = patch.title
            if patch.draft is not None:
                values["draft"] = patch.draft
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

        return await self._write(work)

    async def move_to_bin(self, conversation_id: UUID) -> Conversation:
        """Delete it in a way that can be undone."""

        async def work(connection: AsyncConnection) -> Conversation:
            await tree.conversation(connection, conversation_id)
            await tree.set_conversation(connection, conversation_id, deleted_at=datetime.now(UTC))
            return await tree.conversation(connection, conversation_id)

        return await self._write(work)

    async def remove(self, conversation_id: UUID) -> None:
        """Delete it for good."""

        async def work(connection: AsyncConnection) -> None:
            if (await tree.conversation(connection, conversation_id)).writing:
                raise Conflict(
                    "An answer is being written in this conversation.",
                    remedy="Stop the answer first.",
                    conversation_id=str(conversation_id),
                )
            await connection.execute(delete(messages).where(messages.c.conversation_id == conversation_id))
            await connection.execute(delete(conversations).where(conversations.c.id == conversation_id))

        await self._write(work)

    # -- messages ---------------------------------------------------------------------------------

    async def ask(
        self,
        content: str,
        *,
        title: str,
        conversation_id: UUID | None = None,
        parent_id: UUID | None = None,
    ) -> Turn:
        """Store a question and the empty answer to it."""

        async def work(connection: AsyncConnection) -> Turn:
            if conversation_id is None:
                there = await _create(connection, title)
            else:
                there = await tree.conversation(connection, conversation_id)
            parent = parent_id or there.leaf_id
            depth = 0
            if parent is not None:
                row = await tree.message_of(connection, there.id, parent)
                tree.refuse_if_writing(row)
                depth = row.depth
            elif there.title == UNNAMED:
                await tree.set_conversation(connection, there.id, title=title)
            question = await tree.add(
                connection, there.id, parent, depth + 1, Role.USER, content, MessageStatus.COMPLETE
            )
            answer = await tree.add(
                connection, there.id, question, depth + 2, Role.ASSISTANT, "", MessageStatus.WRITING
            )
            await tree.set_conversation(
                connection, there.id, leaf_id=answer, draft="", updated_at=datetime.now(UTC)
            )
            return await _turn(connection, there.id, question, answer)

        return await self._write(work)

    async def answer_again(self, question_id: UUID) -> Turn:
        """Store one more empty answer to a question."""

        async def work(connection: AsyncConnection) -> Turn:
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
            )
            await tree.set_conversation(
                connection, row.conversation_id, leaf_id=answer, updated_at=datetime.now(UTC)
            )
            return await _turn(connection, row.conversation_id, None, answer)

        return await self._write(work)

    async def reopen(self, answer_id: UUID) -> Turn:
        """Set an answer to `writing` again."""

        async def work(connection: AsyncConnection) -> Turn:
            row = await tree.message(connection, answer_id)
            tree.refuse_if_writing(row)
            if row.role != Role.ASSISTANT:
                raise Conflict("Only an answer can be continued.", message_id=str(answer_id))
            await connection.execute(
                update(messages)
                .where(messages.c.id == answer_id)
                .values(status=MessageStatus.WRITING, error=None)
            )
            leaf = await tree.newest_end(connection, answer_id)
            await tree.set_conversation(
                connection, row.conversation_id, leaf_id=leaf, updated_at=datetime.now(UTC)
            )
            return await _turn(connection, row.conversation_id, None, answer_id)

        return await self._write(work)

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""

        await unbroken(self._append(message_id, text))

    async def _append(self, message_id: UUID, text: str) -> None:
        async with self._watched():
            assert self._appender is not None, "the store is open"
            await self._appender.execute(APPEND, (text, message_id.hex))

    async def finish(
        self,
        message_id: UUID,
        status: MessageStatus,
        stats: GenerationStats | None = None,
        error: ErrorBody | None = None,
    ) -> Message:
        """End the writing of a message."""

        async def work(connection: AsyncConnection) -> Message:
            row = await tree.message(connection, message_id)
            await connection.execute(
                update(messages)
                .where(messages.c.id == message_id)
                .values(
                    status=status,
                    stats=None if stats is None else stats.model_dump(mode="json"),
                    error=None if error is None else error.model_dump(mode="json"),
                )
            )
            await tree.set_conversation(connection, row.conversation_id, updated_at=datetime.now(UTC))
            return await tree.full_message(connection, message_id)

        return await self._write(work)

    async def message(self, message_id: UUID) -> Message:
        """One message."""
        return await self._read(lambda connection: tree.full_message(connection, message_id))

    async def branch(
        self,
        conversation_id: UUID,
        leaf_id: UUID | None = None,
        limit: int | None = None,
        before: UUID | None = None,
    ) -> BranchPage:
        """The branch that ends in `leaf_id`, its last `limit` messages (before `before`)."""

        async def work(connection: AsyncConnection) -> BranchPage:
            leaf = leaf_id or (await tree.conversation(connection, conversation_id)).leaf_id
            if leaf is None:
                return BranchPage((), 0)
            total = (await tree.message_of(connection, conversation_id, leaf)).depth
            start: UUID | None = leaf
            if before is not None:
                start = (await tree.message_of(connection, conversation_id, before)).parent_id
            return BranchPage(await tree.upwards(connection, conversation_id, start, limit), total)

        return await self._read(work)

    async def search(self, query: str, limit: int = 50) -> Sequence[SearchHit]:
        """Messages that hold all words of the query."""
        return await self._read(lambda connection: find(connection, query, limit))

    # -- transactions -----------------------------------------------------------------------------

    async def _read(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        return await unbroken(self._transaction(self._reader.begin, work))

    async def _write(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        return await unbroken(self._transaction(self._writer.begin, work))

    async def _transaction(
        self,
        begin: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
        work: Callable[[AsyncConnection], Coroutine[Any, Any, T]],
    ) -> T:
        async with self._watched(), begin() as connection:
            return await work(connection)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Translate errors and keep the capability as the last call found it."""
        try:
            with translated(str(self._file)):
                yield
        except StorageUnavailable as error:
            self._becomes(State.DOWN, error.message)
            raise
        self._becomes(State.OK, "")

    def _becomes(self, state: State, reason: str) -> None:
        if (state, reason) == (self._capability.state, self._capability.reason):
            return
        change = {"state": state, "reason": reason, "since": datetime.now(UTC)}
        self._capability = self._capability.model_copy(update=change)
        self._publish(CapabilityChanged(capability=self._capability))


async def _create(connection: AsyncConnection, title: str) -> Conversation:
    now = datetime.now(UTC)
    made = Conversation(id=uuid4(), title=title, created_at=now, updated_at=now)
    await connection.execute(
        conversations.insert().values(made.model_dump(include={"id", "title", "created_at", "updated_at"}))
    )
    return made


async def _turn(
    connection: AsyncConnection, conversation_id: UUID, question: UUID | None, answer: UUID
) -> Turn:
    return Turn(
        conversation=await tree.conversation(connection, conversation_id),
        question=None if question is None else await tree.full_message(connection, question),
        answer=await tree.full_message(connection, answer),
    )


async def _close_cut_answers(connection: AsyncConnection) -> None:
    """No answer is being written when a store is opened: those that say so were cut off by a crash."""
    await connection.execute(
        update(messages)
        .where(messages.c.status == MessageStatus.WRITING)
        .values(status=MessageStatus.INCOMPLETE, error=CUT_OFF.model_dump(mode="json"))
    )
