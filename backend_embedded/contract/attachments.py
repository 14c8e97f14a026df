"""Text files that go with a question."""

from __future__ import annotations

from uuid import UUID

from backend_embedded.contract.wire import Wire


class Attachment(Wire):
    """A file whose text was read: the answer of `POST /api/v1/attachments?name=…` (body: the file's bytes)."""

    id: UUID
    name: str
    media_type: str
    size_bytes: int
    characters: int
    tokens: int
    """Cost in tokens of the default model; 0 when no model could count it."""
    pages: int = 0
    """Pages of a PDF; else 0."""


class AttachmentText(Wire):
    """Answer of `GET /api/v1/attachments/{id}/text`."""

    attachment: Attachment
    text: str
