"""Takes files in: their text is read, counted and kept until it is sent."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from uuid import uuid4

from backend_embedded.attachments.reading import read_file
from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.errors import ControlCenterError
from backend_embedded.llm.port import LanguageModel, Prompt
from backend_embedded.storage.port import ConversationStore

log = logging.getLogger(__name__)

LONGEST_NAME = 255
COUNTING_S = 10.0


class Attachments:
    """Reads files in a thread of its own; `close` ends it.

    Args:
        store: keeps them.
        model: counts their tokens.
    """

    def __init__(self, store: ConversationStore, model: LanguageModel) -> None:
        self._store = store
        self._model = model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="attachments")

    async def add(self, name: str, data: bytes) -> Attachment:
        """Keep a file's text.

        Raises:
            InvalidInput, TooLarge: it cannot be read; nothing was kept.
        """
        shown = PurePath(name.replace("\\", "/")).name[-LONGEST_NAME:] or "file"
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, read_file, shown, data)
        facts = Attachment(
            id=uuid4(),
            name=shown,
            media_type=found.media_type,
            size_bytes=len(data),
            characters=len(found.text),
            tokens=await self._count(found.text),
            pages=found.pages,
        )
        return await self._store.keep_attachment(AttachmentText(attachment=facts, text=found.text))

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _count(self, text: str) -> int:
        """Tokens with the default model; 0 when no model can count now."""
        try:
            async with asyncio.timeout(COUNTING_S):
                return await self._model.count_tokens(Prompt(raw=text))
        except (ControlCenterError, TimeoutError) as error:
            log.info("A file's tokens could not be counted: %s", error)
            return 0
