"""Conversations that leave the program and come in."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

from backend_embedded.contract.attachments import AttachmentText
from backend_embedded.contract.context import Summary
from backend_embedded.contract.conversations import Conversation, Message
from backend_embedded.contract.wire import Wire


class WholeConversation(Wire):
    """A conversation with all its branches, files and summaries."""

    conversation: Conversation
    messages: tuple[Message, ...]
    """In the order they were written, parents before children; `siblings` is left empty."""
    files: tuple[AttachmentText, ...] = ()
    summaries: tuple[Summary, ...] = ()


class ConversationFile(Wire):
    """What an export in JSON holds."""

    format: Literal["sutazai-conversations"] = "sutazai-conversations"
    version: Literal[1] = 1
    conversations: tuple[WholeConversation, ...]


class ExportFormat(StrEnum):
    """`GET /api/v1/conversations/{id}/export` and `GET /api/v1/export`, query `format`."""

    JSON = "json"
    """Without loss: export, import, export gives the same bytes."""
    MARKDOWN = "markdown"
    """For people: the branch that is shown."""


class ImportFormat(StrEnum):
    """What a file that was imported turned out to be."""

    SUTAZAI = "sutazai"
    CHATGPT = "chatgpt"
    OPEN_WEBUI = "open_webui"


class ImportReport(Wire):
    """Answer of `POST /api/v1/import` (body: the file's bytes)."""

    format: ImportFormat
    conversations: tuple[UUID, ...]
    """Ids of those that were added."""
    messages: int
    unchanged: int = 0
    """Conversations that were here already, exactly so."""
    skipped: tuple[str, ...] = ()
    """What could not be taken (images, tool calls), in words, each once."""
