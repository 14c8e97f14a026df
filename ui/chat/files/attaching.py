"""Uploads the files of the next question and keeps them with its draft."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ui.chat.files.disk import LARGEST_BYTES
from ui.chat.files.files_state import MOST_FILES, PendingFile
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from ui.chat.files.disk import Disk
    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend


class Attaching:
    """Keeps `state.files`; `changed` is called when their tokens changed."""

    def __init__(self, backend: Backend, owner: ChatOwner, disk: Disk) -> None:
        self._disk = disk
        self._backend = backend
        self._owner = owner
        self._made = 0

    def add_paths(self, paths: Iterable[str]) -> None:
        """Read files of this machine; each is refused or taken for itself."""
        for path in paths:
            self._begin(Path(path).name, path, None)

    def add_text(self, name: str, text: str) -> None:
        """Take text that was pasted as a file."""
        self._begin(name, "", text.encode())

    def remove(self, number: int) -> None:
        """Do not send this file."""
        self._owner.change(files=tuple(f for f in self._owner.state.files if f.number != number))

    def ready(self) -> tuple[UUID, ...]:
        """The files that were read and go with the question."""
        files = self._owner.state.files
        return tuple(file.attachment.id for file in files if file.attachment is not None)

    def _begin(self, name: str, path: str, data: bytes | None) -> None:
        self._made += 1
        file = PendingFile(self._made, name)
        if len(self._owner.state.files) >= MOST_FILES:
            file = replace(file, refused=f"{MOST_FILES} files are the most that go with one question.")
        self._owner.change(files=(*self._owner.state.files, file))
        if not file.refused:
            self._owner.spawn(self._upload(file, path, data))

    async def _upload(self, file: PendingFile, path: str, data: bytes | None) -> None:
        try:
            content = data if data is not None else await self._disk.read(path, LARGEST_BYTES)
            done = replace(file, attachment=await self._backend.upload(file.name, content))
        except OSError as error:
            done = replace(file, refused=error.strerror or str(error))
        except ClientError as error:
            done = replace(file, refused=error.body.message)
        self._owner.change(
            files=tuple(done if f.number == file.number else f for f in self._owner.state.files)
        )
