"""Writes conversations to files and reads them from files."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from backend_embedded.contract.conversations import Conversation
from backend_embedded.contract.transfer import (
    ConversationFile,
    ExportFormat,
    ImportFormat,
    ImportReport,
    WholeConversation,
)
from backend_embedded.errors import InvalidInput, NotFound, TooLarge
from backend_embedded.storage.port import ConversationStore
from backend_embedded.transfer import foreign
from backend_embedded.transfer.markdown import RULE, as_markdown

LARGEST_UNPACKED_BYTES = 512 * 1024 * 1024
JSON_EDGES = (
    b'{\n  "format": "sutazai-conversations",\n  "version": 1,\n  "conversations": [\n',
    b",\n",
    b"\n  ]\n}\n",
)
EDGES = {ExportFormat.JSON: JSON_EDGES, ExportFormat.MARKDOWN: (b"", RULE.encode(), b"")}
"""What stands before, between and after the conversations of a file."""
REMEDY = "Choose a file that this program, ChatGPT or Open WebUI exported."


class Transfer:
    """Exports from a store and imports into it."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store

    async def export(self, ids: Sequence[UUID] | None, form: ExportFormat) -> bytes:
        """Some conversations, or (None) all outside the bin, as the bytes of a file."""
        async with aclosing(self.pieces(await self.ids() if ids is None else ids, form)) as pieces:
            return b"".join([piece async for piece in pieces])

    async def ids(self) -> Sequence[UUID]:
        """All conversations outside the bin."""
        return await self._store.ids()

    async def pieces(self, ids: Sequence[UUID], form: ExportFormat) -> AsyncGenerator[bytes, None]:
        """The same bytes piece by piece, a conversation each; one that was deleted meanwhile is passed over."""
        head, between, tail = EDGES[form]
        before = head
        for one in ids:
            try:
                found = await self._store.whole(one)
            except NotFound:
                if len(ids) == 1:
                    raise
                continue
            yield before + as_piece(found, form)
            before = between
        yield tail if before == between else as_nothing(form)

    async def bring_in(self, data: bytes) -> tuple[ImportReport, list[Conversation]]:
        """Store the conversations of a file, all or none, and tell what came.

        Raises:
            InvalidInput: it is none of the three kinds, or is damaged; nothing was stored.
        """
        skipped = foreign.Skipped()
        kind, given = _read(data, skipped)
        stored = await self._store.put(given)
        added = [one for one in stored if one is not None]
        report = ImportReport(
            format=kind,
            conversations=tuple(added),
            messages=sum(
                len(whole.messages) for whole, one in zip(given, stored, strict=True) if one is not None
            ),
            unchanged=len(stored) - len(added),
            skipped=tuple(skipped.words),
        )
        return report, [await self._store.conversation(one) for one in added]


def as_json(conversations: Sequence[WholeConversation]) -> bytes:
    """The lossless form: UTF-8, two spaces deep, keys in the order of the contract."""
    file = ConversationFile(conversations=tuple(conversations))
    return orjson.dumps(file.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def as_piece(whole: WholeConversation, form: ExportFormat) -> bytes:
    """One conversation as it stands in a file of many."""
    if form is ExportFormat.MARKDOWN:
        return as_markdown([whole]).encode()
    head, _, tail = JSON_EDGES
    return as_json([whole]).removeprefix(head).removesuffix(tail)


def as_nothing(form: ExportFormat) -> bytes:
    """A file without conversations."""
    return b"" if form is ExportFormat.MARKDOWN else as_json([])


def _read(data: bytes, skipped: foreign.Skipped) -> tuple[ImportFormat, list[WholeConversation]]:
    value = _json(data)
    if isinstance(value, dict) and value.get("format") == "sutazai-conversations":
        try:
            return ImportFormat.SUTAZAI, list(ConversationFile.model_validate(value).conversations)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise InvalidInput(
                f"The file is damaged at {place}: {first['msg']}.", remedy="Export it again."
            ) from error
    try:
        if foreign.is_chatgpt(value):
            return ImportFormat.CHATGPT, foreign.from_chatgpt(value, skipped)
        if foreign.is_open_webui(value):
            return ImportFormat.OPEN_WEBUI, foreign.from_open_webui(value, skipped)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"The file is damaged: {error!r}.", remedy="Export it again.") from error
    raise InvalidInput("The file holds no conversations that can be read.", remedy=REMEDY)


def _json(data: bytes) -> Any:
    if data[:4] == b"PK\x03\x04":
        data = _unzipped(data)
    try:
        return orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The file is no JSON: {error}.", remedy=REMEDY) from error


def _unzipped(data: bytes) -> bytes:
    """`conversations.json` of the archive that ChatGPT sends."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            name = next(one for one in archive.namelist() if one.endswith("conversations.json"))
            if archive.getinfo(name).file_size > LARGEST_UNPACKED_BYTES:
                raise TooLarge("The conversations in the archive are too large.", remedy=REMEDY)
            return archive.read(name)
    except (zipfile.BadZipFile, StopIteration, RuntimeError, zlib.error) as error:
        raise InvalidInput("The archive holds no conversations.json.", remedy=REMEDY) from error
