"""Carries conversations out to files and in from them: one at a time, with its progress and a way to cancel."""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.transfer import ExportFormat
from ui.chat import words
from ui.chat.chats.moving_state import Move, Outcome, arriving, exported, imported
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from uuid import UUID

    from ui.chat.files.disk import Disk
    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend

SHOWN_AFTER_S = 0.3
"""What is done sooner shows no progress."""
BETWEEN_S = 0.25
"""Progress is shown four times a second at most."""


class Moving:
    """Exports and imports; `told` gets what came of it.

    Args:
        backend: holds the conversations.
        owner: of the page's state.
        disk: reads and writes the files.
        shown_after_s: pause before progress is shown.
    """

    def __init__(
        self, backend: Backend, owner: ChatOwner, disk: Disk, shown_after_s: float = SHOWN_AFTER_S
    ) -> None:
        self._backend, self._owner, self._disk = backend, owner, disk
        self._shown_after_s = shown_after_s
        self._work: asyncio.Task[None] | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._move = Move("")
        self._changed_s = 0.0
        self.told: Callable[[Outcome], object] = lambda _: None

    def export(self, conversation_id: UUID | None, form: ExportFormat, path: str) -> None:
        """Write a conversation, or all of them, to a file."""
        title = "Exporting all chats" if conversation_id is None else "Exporting the chat"
        self._begin(title, self._export(conversation_id, form, path))

    def bring_in(self, path: str) -> None:
        """Add the conversations of a file; all of them or none."""
        self._begin("Importing chats", self._import(path))

    def cancel(self) -> None:
        """Give up what is under way: nothing is written, nothing is added."""
        if self._work is not None:
            self._work.cancel()

    def _begin(self, title: str, work: Coroutine[Any, Any, None]) -> None:
        if self._work is not None and not self._work.done():
            work.close()
            said = f"{self._move.title} is still under way."
            self._owner.change(failure=ErrorBody(code=ErrorCode.INVALID_INPUT, message=said))
            return
        self._move = Move(title)
        self._waiting = asyncio.get_running_loop().call_later(self._shown_after_s, self._show)
        self._work = self._owner.spawn(self._to_its_end(work))

    async def _to_its_end(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            work.close()
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            if self._owner.state.moving is not None:
                self._owner.change(moving=None)

    async def _export(self, conversation_id: UUID | None, form: ExportFormat, path: str) -> None:
        number: int | None = None

        def came(conversations: int, came_bytes: int) -> None:
            nonlocal number
            number = conversations
            self._say(arriving(conversations, came_bytes))

        if conversation_id is None:
            data = await self._backend.export_all(form, came)
        else:
            data = await self._backend.export_conversation(conversation_id, form)
        self._say(f"Writing {words.file_size(len(data))}")
        try:
            await self._disk.write(path, data)
        except OSError as error:
            raise no_file(path, error) from error
        self.told(exported(path, len(data), form, number))

    async def _import(self, path: str) -> None:
        name = PurePath(path).name
        self._say(f"Reading {name}")
        try:
            data = await self._disk.read(path)
        except OSError as error:
            raise no_file(path, error) from error
        self._say(f"Storing {words.file_size(len(data))} of {name}")
        report = await self._backend.import_conversations(data)
        self.told(imported(report, name))

    def _say(self, caption: str) -> None:
        self._move = Move(self._move.title, caption)
        now_s = asyncio.get_running_loop().time()
        if self._owner.state.moving is not None and now_s - self._changed_s >= BETWEEN_S:
            self._show()

    def _show(self) -> None:
        self._changed_s = asyncio.get_running_loop().time()
        self._owner.change(moving=self._move)


def no_file(path: str, error: OSError) -> ClientError:
    """Why a file could not be read or written."""
    said = f"{path}: {error.strerror or error}."
    return ClientError(ErrorBody(code=ErrorCode.INVALID_INPUT, message=said))
