"""The port of the store of conversations, in words of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from backend_embedded.contract.conversations import (
    Conversation,
    ConversationPatch,
    Message,
    MessageStatus,
    SearchHit,
)
from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.generation import GenerationStats
from backend_embedded.contract.status import Capability


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A part of the list of conversations, last changed first; `total` counts the whole list."""

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

    async def create(self, title: str) -> Conversation:
        """Make an empty conversation."""
        ...

    async def conversation(self, conversation_id: UUID) -> Conversation:
        """One conversation, also out of the bin."""
        ...

    async def conversations(
        self, limit: int = 100, offset: int = 0, deleted: bool = False
    ) -> ConversationPage:
        """The conversations outside the bin, or those in it."""
        ...

    async def change(self, conversation_id: UUID, patch: ConversationPatch) -> Conversation:
        """Change title, draft or shown branch, or bring it back from the bin.

        A `leaf_id` that has answers below it stands for the newest end below it.
        """
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
    ) -> Turn:
        """Store a question below `parent_id` (or the leaf) and the empty answer to it.

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

    async def search(self, query: str, limit: int = 50) -> Sequence[SearchHit]:
        """Messages outside the bin that hold all words of the query, best first."""
        ...
