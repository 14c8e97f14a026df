"""Conversations, their tree of messages, and the events of a streamed chat answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from backend_embedded.contract.attachments import Attachment
from backend_embedded.contract.context import AnswerContext, ContextPolicy
from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.generation import (
    GenerationStats,
    PromptProgress,
    Queued,
    Role,
    SamplingOptions,
    Switched,
    TextDelta,
)
from backend_embedded.contract.wire import Wire


class ConversationSettings(Wire):
    """How a conversation is answered; what is None is as everywhere."""

    preset_id: UUID | None = None
    """The preset it was made from, for its name; its values are copied here."""
    system: str = ""
    model: str | None = None
    options: SamplingOptions = SamplingOptions()
    context_policy: ContextPolicy = ContextPolicy.ASK


class Conversation(Wire):
    """A conversation as a list shows it."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    """When it was moved to the bin; it can be restored."""
    leaf_id: UUID | None = None
    """Last message of the branch that is shown."""
    draft: str = ""
    """Text that was typed and not sent."""
    writing: bool = False
    """An answer is being written."""
    pinned: bool = False
    archived_at: datetime | None = None
    folder: str = ""
    """Path of names with `/`; empty: none."""
    tags: tuple[str, ...] = ()
    titled_by: Literal["question", "model", "user"] = "question"
    """Who gave the title; what the user gave is never replaced."""
    settings: ConversationSettings = ConversationSettings()


class MessageStatus(StrEnum):
    """How far a message got."""

    WRITING = "writing"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """Ended by the user; what came is kept."""
    INCOMPLETE = "incomplete"
    """Cut off by a failure; what came is kept and can be continued."""


class Seam(Wire):
    """Where another provider went on with an answer."""

    offset: int
    """Characters of the answer before it."""
    provider: str
    model: str
    reason: str


class Message(Wire):
    """One node of a conversation's tree."""

    id: UUID
    conversation_id: UUID
    parent_id: UUID | None
    role: Role
    text: str
    status: MessageStatus
    created_at: datetime
    siblings: tuple[UUID, ...] = ()
    """Ids of all children of the same parent, oldest first, this one among them."""
    stats: GenerationStats | None = None
    error: ErrorBody | None = None
    """Why the message is incomplete."""
    attachments: tuple[Attachment, ...] = ()
    """Files of a user's message, without their text."""
    seams: tuple[Seam, ...] = ()
    context: AnswerContext | None = None
    """What the model read for this answer, when that was not all; None: all of it."""


class ConversationPatch(Wire):
    """Body of `PATCH /api/v1/conversations/{id}`; a field that is absent is left alone."""

    title: str | None = Field(None, min_length=1, max_length=200)
    leaf_id: UUID | None = None
    draft: str | None = None
    pinned: bool | None = None
    archived: bool | None = None
    folder: str | None = Field(None, max_length=200)
    tags: tuple[str, ...] | None = None
    settings: ConversationSettings | None = None
    restore: bool = False
    """True: bring it back from the bin."""


class ConversationCreate(Wire):
    """Body of `POST /api/v1/conversations`."""

    title: str = Field("New chat", min_length=1, max_length=200)
    folder: str = Field("", max_length=200)
    settings: ConversationSettings | None = None
    draft: str = ""


class BranchRequest(Wire):
    """Body of `POST /api/v1/conversations/{id}/branch`: a new conversation with the messages up to this one."""

    message_id: UUID
    title: str | None = Field(None, min_length=1, max_length=200)


class ChatRequest(Wire):
    """Body of `POST /api/v1/chat`.

    Exactly one of: `content` (a new user message, child of `parent_id` or of the conversation's leaf),
    `answer_to` (one more answer to that user message, a sibling of the others), `continue_message`
    (go on with that cut or stopped answer, in place).
    """

    conversation_id: UUID | None = None
    """None starts a conversation (with `content` only)."""
    content: str | None = Field(None, min_length=1)
    parent_id: UUID | None = None
    as_root: bool = False
    """With `content`: it becomes a first message, a sibling of the conversation's other first messages."""
    attachments: tuple[UUID, ...] = ()
    """Files of the new user message, uploaded before."""
    answer_to: UUID | None = None
    continue_message: UUID | None = None
    model: str | None = None
    """None: the conversation's, else the default one."""
    system: str | None = None
    """None: the conversation's."""
    options: SamplingOptions | None = None
    """None: the conversation's."""
    context_policy: ContextPolicy | None = None
    """What to do, this once, when the prompt does not fit; None: as the conversation says."""
    stream: bool = True


class ChatStarted(Wire):
    """First event: what was stored before the model was asked."""

    kind: Literal["started"] = "started"
    conversation: Conversation
    user_message: Message | None = None
    """The new user message; None when an answer is added or continued."""
    answer: Message


class Summarizing(Wire):
    """The middle of the conversation is shortened into a summary, so that the rest fits."""

    kind: Literal["summarizing"] = "summarizing"
    done: int
    """Tokens of the middle that were read."""
    total: int


class ChatFinished(Wire):
    """Last event of an answer that is complete or stopped."""

    kind: Literal["finished"] = "finished"
    answer: Message


class ChatFailed(Wire):
    """Last event of an answer that was cut off; what came is kept in it."""

    kind: Literal["failed"] = "failed"
    error: ErrorBody
    answer: Message


ChatEvent = Annotated[
    ChatStarted | Queued | Summarizing | PromptProgress | TextDelta | Switched | ChatFinished | ChatFailed,
    Field(discriminator="kind"),
]
"""One server-sent event of `/api/v1/chat`."""

chat_event = TypeAdapter[ChatEvent](ChatEvent)


class SearchHit(Wire):
    """One message that matches a full-text search."""

    conversation_id: UUID
    conversation_title: str
    message_id: UUID
    snippet: str
    """Excerpt with the match between U+0002 and U+0003."""
    role: Role = Role.USER
    created_at: datetime | None = None
    in_title: bool = False
    """The title matches too."""
