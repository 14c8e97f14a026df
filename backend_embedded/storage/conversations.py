"""The store of conversations, in SQL of either product."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.context import AnswerContext, Summary
from backend_embedded.contract.conversations import (
    Conversation,
    ConversationCreate,
    ConversationPatch,
    Message,
    MessageStatus,
    Seam,
    SearchHit,
)
from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.generation import GenerationStats
from backend_embedded.contract.presets import Preset, PresetValues
from backend_embedded.contract.status import Capability
from backend_embedded.contract.transfer import WholeConversation
from backend_embedded.errors import Conflict
from backend_embedded.storage import asking, belongings, listing, tree, whole
from backend_embedded.storage.database import Database, Work
from backend_embedded.storage.ledger import SOURCE, announce_event
from backend_embedded.storage.port import BranchPage, ConversationFilter, ConversationPage, Turn
from backend_embedded.storage.schema import attachments, conversations, messages, summaries
from backend_embedded.storage.search import find

T = TypeVar("T")

EVERYWHERE = ConversationFilter()


class SqlConversationStore:
    """Keeps conversations and what belongs to them; see `ConversationStore`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def capability(self) -> Capability:
        """State of the database after the last call."""
        return self.database.capability()

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""
        await self.database.append(message_id, text)

    async def _read(self, work: Work[T]) -> T:
        return await self.database.read(work)

    async def _write(self, work: Work[T]) -> T:
        # One after the other: that no answer is written below another one's is looked up and then relied on.
        return await self.database.write(work, one_by_one="conversations")

    # -- conversations ----------------------------------------------------------------------------

    async def create(self, wanted: ConversationCreate) -> Conversation:
        """Make an empty conversation."""
        return await self._write(lambda connection: listing.create(connection, wanted))

    async def conversation(self, conversation_id: UUID) -> Conversation:
        """One conversation."""
        return await self._read(lambda connection: tree.conversation(connection, conversation_id))

    async def conversations(
        self, limit: int = 100, offset: int = 0, wanted: ConversationFilter = EVERYWHERE
    ) -> ConversationPage:
        """A part of the list, pinned ones first, then the last changed first."""
        return await self._read(lambda connection: listing.page(connection, limit, offset, wanted))

    async def change(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change what the patch names."""
        return await self._write(lambda connection: listing.change(connection, conversation_id, patch))

    async def entitle(self, conversation_id: UUID, title: str) -> Conversation:
        """Take the title that the model proposes, unless the model or the user gave one."""
        return await self._write(lambda connection: listing.entitle(connection, conversation_id, title))

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
            for table in (messages, attachments, summaries):
                await connection.execute(delete(table).where(table.c.conversation_id == conversation_id))
            await connection.execute(delete(conversations).where(conversations.c.id == conversation_id))
            facts = {"conversation_id": str(conversation_id)}
            await announce_event(connection, "CONVERSATION_REMOVED", SOURCE, facts)

        await self._write(work)

    # -- messages ---------------------------------------------------------------------------------

    async def ask(
        self,
        content: str,
        *,
        title: str,
        conversation_id: UUID | None = None,
        parent_id: UUID | None = None,
        as_root: bool = False,
        attachments: Sequence[UUID] = (),
    ) -> Turn:
        """Store a question with its files, and the empty answer to it."""
        return await self._write(
            lambda connection: asking.ask(
                connection,
                content,
                title,
                conversation_id,
                parent_id,
                as_root,
                attachments,
                self.database.home_id,
            )
        )

    async def answer_again(self, question_id: UUID) -> Turn:
        """Store one more empty answer to a question."""
        home_id = self.database.home_id
        return await self._write(lambda connection: asking.answer_again(connection, question_id, home_id))

    async def reopen(self, answer_id: UUID) -> Turn:
        """Set an answer to `writing` again."""
        home_id = self.database.home_id
        return await self._write(lambda connection: asking.reopen(connection, answer_id, home_id))

    async def branch_off(
        self, conversation_id: UUID, message_id: UUID, title: str | None = None
    ) -> Conversation:
        """Copy the branch that ends in a message into a conversation of its own."""
        return await self._write(
            lambda connection: asking.branch_off(connection, conversation_id, message_id, title)
        )

    async def add_seam(self, message_id: UUID, seam: Seam) -> None:
        """Keep where another provider went on with an answer."""
        await self._write(lambda connection: asking.add_seam(connection, message_id, seam))

    async def set_context(self, message_id: UUID, context: AnswerContext) -> None:
        """Keep what the model did not read for an answer."""

        async def work(connection: AsyncConnection) -> None:
            await tree.message(connection, message_id)
            values = {"context": context.model_dump(mode="json")}
            await connection.execute(update(messages).where(messages.c.id == message_id).values(values))

        await self._write(work)

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

    async def search(
        self, query: str, limit: int = 50, offset: int = 0, conversation_id: UUID | None = None
    ) -> Sequence[SearchHit]:
        """Titles and messages that hold all words of the query."""
        return await self._read(lambda connection: find(connection, query, limit, offset, conversation_id))

    # -- files, summaries, presets ----------------------------------------------------------------

    async def keep_attachment(self, file: AttachmentText) -> Attachment:
        """Keep a file until it is sent."""
        return await self._write(lambda connection: belongings.keep_attachment(connection, file))

    async def attachment_text(self, attachment_id: UUID) -> AttachmentText:
        """A file and its text."""
        return await self._read(lambda connection: belongings.attachment(connection, attachment_id))

    async def remove_attachment(self, attachment_id: UUID) -> None:
        """Forget a file that was not sent."""
        await self._write(lambda connection: belongings.remove_attachment(connection, attachment_id))

    async def summaries(self, conversation_id: UUID) -> Sequence[Summary]:
        """All summaries of a conversation, oldest first."""
        return await self._read(lambda connection: belongings.summaries_of(connection, conversation_id))

    async def keep_summary(self, conversation_id: UUID, summary: Summary) -> Summary:
        """Keep a new summary."""
        return await self._write(
            lambda connection: belongings.keep_summary(connection, conversation_id, summary)
        )

    async def change_summary(self, summary_id: UUID, text: str) -> Summary:
        """Give a summary the text that the user wrote."""
        return await self._write(lambda connection: belongings.change_summary(connection, summary_id, text))

    async def presets(self) -> Sequence[Preset]:
        """All presets by name."""
        return await self._read(belongings.all_presets)

    async def keep_preset(self, values: PresetValues, preset_id: UUID | None = None) -> Preset:
        """Keep a new preset, or change one."""
        return await self._write(lambda connection: belongings.keep_preset(connection, values, preset_id))

    async def remove_preset(self, preset_id: UUID) -> None:
        """Forget a preset."""
        await self._write(lambda connection: belongings.remove_preset(connection, preset_id))

    # -- whole conversations ----------------------------------------------------------------------

    async def ids(self) -> Sequence[UUID]:
        """All conversations outside the bin, oldest first."""
        return await self._read(whole.ids)

    async def whole(self, conversation_id: UUID) -> WholeConversation:
        """A conversation with all that belongs to it."""
        return await self._read(lambda connection: whole.take(connection, conversation_id))

    async def put(self, given: Sequence[WholeConversation]) -> Sequence[UUID | None]:
        """Store conversations, all or none; None for each that is here already, exactly so."""

        async def work(connection: AsyncConnection) -> Sequence[UUID | None]:
            return [await whole.put(connection, one) for one in given]

        return await self._write(work)
