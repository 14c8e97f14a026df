"""The port of the store of conversations, in words of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations a list shows: those in the bin, or those outside it, archived ones or the others.

    Attributes:
        folder: only those in it or below it.
        tag: only those that have it.
    """

    deleted: bool = False
    archived: bool = False
    folder: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A part of the list: pinned ones first, then last changed first; `total` counts the whole list."""

    conversations: tuple[Conversation, ...]
    total: int


@dataclass(frozen=True, slots=True)
class BranchPage:
    """A part of one branch, oldest first; `total` counts the messages of the whole branch."""

    messages: tuple[Message, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What was stored before a model is asked: the answer is there, empty or cut, and `writing`."""

    conversation: Conversation
    question: Message | None
    answer: Message


class ConversationStore(Protocol):
    """Keeps conversations; in each the messages form a tree by their parents.

    Every call is one transaction and is never torn by a cancelled caller. All raise `StorageUnavailable`
    when the store cannot be reached or written, and `NotFound` for an id that does not exist.
    """

    def capability(self) -> Capability:
        """State of the store after the last call; no input or output."""
        ...

    async def create(self, wanted: ConversationCreate) -> Conversation:
        """Make an empty conversation."""
        ...

    async def conversation(self, conversation_id: UUID) -> Conversation:
        """One conversation, also out of the bin."""
        ...

    async def conversations(
        self, limit: int = 100, offset: int = 0, wanted: ConversationFilter = ...
    ) -> ConversationPage:
        """The conversations that the filter wants."""
        ...

    async def change(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change what the patch names, or bring it back from the bin.

        A `leaf_id` that has answers below it stands for the newest end below it.
        """
        ...

    async def entitle(self, conversation_id: UUID, title: str) -> Conversation:
        """Take the title that the model proposes, unless the model or the user gave one."""
        ...

    async def move_to_bin(self, conversation_id: UUID) -> Conversation:
        """Delete it in a way that can be undone."""
        ...

    async def remove(self, conversation_id: UUID) -> None:
        """Delete it and its messages for good. Raises Conflict while an answer is written."""
        ...

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
        """Store a question below `parent_id` (or the leaf; or, `as_root`, as a first one) and its empty answer.

        `title` names a new conversation, and an empty one that still has the title it was made with.
        Raises Conflict while the parent is written.
        """
        ...

    async def answer_again(self, question_id: UUID) -> Turn:
        """Store one more empty answer to a question. Raises Conflict if the message is no question."""
        ...

    async def reopen(self, answer_id: UUID) -> Turn:
        """Set an answer to `writing` again. Raises Conflict if it is being written or is no answer."""
        ...

    async def branch_off(
        self, conversation_id: UUID, message_id: UUID, title: str | None = None
    ) -> Conversation:
        """Copy the branch that ends in a message into a conversation of its own."""
        ...

    async def add_seam(self, message_id: UUID, seam: Seam) -> None:
        """Keep where another provider went on with an answer."""
        ...

    async def set_context(self, message_id: UUID, context: AnswerContext) -> None:
        """Keep what the model did not read for an answer."""
        ...

    async def append(self, message_id: UUID, text: str) -> None:
        """Add text to the end of a message that is written."""
        ...

    async def finish(
        self,
        message_id: UUID,
        status: MessageStatus,
        stats: GenerationStats | None = None,
        error: ErrorBody | None = None,
    ) -> Message:
        """End the writing of a message, which the search then finds."""
        ...

    async def message(self, message_id: UUID) -> Message:
        """One message."""
        ...

    async def branch(
        self,
        conversation_id: UUID,
        leaf_id: UUID | None = None,
        limit: int | None = None,
        before: UUID | None = None,
    ) -> BranchPage:
        """The branch that ends in `leaf_id` (or the conversation's leaf), its last `limit` messages.

        `before` gives those that come before that message of the branch.
        """
        ...

    async def search(
        self, query: str, limit: int = 50, offset: int = 0, conversation_id: UUID | None = None
    ) -> Sequence[SearchHit]:
        """Titles and messages outside the bin that hold all words of the query, newest first.

        Words between double quotes stand beside each other; the last word may be the beginning of one.
        """
        ...

    async def keep_attachment(self, file: AttachmentText) -> Attachment:
        """Keep a file until it is sent with a question."""
        ...

    async def attachment_text(self, attachment_id: UUID) -> AttachmentText:
        """A file and its text."""
        ...

    async def remove_attachment(self, attachment_id: UUID) -> None:
        """Forget a file that was not sent. Raises Conflict for one that was."""
        ...

    async def summaries(self, conversation_id: UUID) -> Sequence[Summary]:
        """All summaries of a conversation, oldest first."""
        ...

    async def keep_summary(self, conversation_id: UUID, summary: Summary) -> Summary:
        """Keep a new summary."""
        ...

    async def change_summary(self, summary_id: UUID, text: str) -> Summary:
        """Give a summary the text that the user wrote."""
        ...

    async def presets(self) -> Sequence[Preset]:
        """All presets by name."""
        ...

    async def keep_preset(self, values: PresetValues, preset_id: UUID | None = None) -> Preset:
        """Keep a new preset, or change one. Raises Conflict if another one has its name."""
        ...

    async def remove_preset(self, preset_id: UUID) -> None:
        """Forget a preset; conversations keep the values they took from it."""
        ...

    async def ids(self) -> Sequence[UUID]:
        """All conversations outside the bin, oldest first."""
        ...

    async def whole(self, conversation_id: UUID) -> WholeConversation:
        """A conversation with all its branches, files and summaries."""
        ...

    async def put(self, given: Sequence[WholeConversation]) -> Sequence[UUID | None]:
        """Store conversations, all or none; None for each that is here already, exactly so.

        Ids are kept; where one is taken by something else, the conversation gets new ones throughout.
        Raises InvalidInput for a message that comes before the one it answers.
        """
        ...
