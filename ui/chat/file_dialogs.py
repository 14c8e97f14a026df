"""The dialogs in which files are chosen, and what is done with them; none of them blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog

from ui.chat.chats.moving import no_file
from ui.chat.chats.moving_state import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from uuid import UUID

    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.transfer import ExportFormat
    from ui.chat.presenter import ChatPresenter


class FileDialogs(QObject):
    """Asks for files and names; `told` gives the outcome of what went past the presenter's `moving`."""

    told = Signal(object)

    def __init__(self, presenter: ChatPresenter, window: QWidget) -> None:
        super().__init__(window)
        self._presenter = presenter
        self._window = window
        self.dialog: QFileDialog | QInputDialog | None = None
        """The one that is open."""

    def attach(self) -> None:
        """Choose files for the next question."""
        self._choose("Attach files", self._presenter.files.add_paths, several=True)

    def export(self, conversation_id: UUID | None, format_: ExportFormat) -> None:
        """Choose where a conversation, or all of them, is written to."""
        name = self._presenter.keeping.file_name(conversation_id, format_)
        self._save("Export", name, lambda path: self._presenter.moving.export(conversation_id, format_, path))

    def bring_in(self) -> None:
        """Choose a file of conversations."""
        self._choose("Import chats", lambda paths: self._presenter.moving.bring_in(paths[0]))

    def export_presets(self) -> None:
        """Choose where the presets are written to."""

        async def write(path: str) -> None:
            await self._write(path, await self._presenter.choosing.exported_presets())
            self.told.emit(Outcome("Presets exported", path, path))

        self._save("Export presets", "presets.json", lambda path: self._spawn(write(path)))

    def import_presets(self) -> None:
        """Choose a file of presets."""

        async def read(path: str) -> None:
            await self._presenter.choosing.import_presets(await self._read(path))
            self.told.emit(Outcome("Presets imported", path))

        self._choose("Import presets", lambda paths: self._spawn(read(paths[0])))

    def ask_name(self, title: str, text: str, take: Callable[[str], object]) -> None:
        """Ask for a name."""
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(title)
        dialog.setLabelText("Name")
        dialog.setTextValue(text)
        dialog.textValueSelected.connect(take)
        self.dialog = dialog
        dialog.open()

    def _choose(self, title: str, take: Callable[[list[str]], object], *, several: bool = False) -> None:
        dialog = QFileDialog(self._window, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        modes = QFileDialog.FileMode
        dialog.setFileMode(modes.ExistingFiles if several else modes.ExistingFile)
        dialog.filesSelected.connect(take)
        self.dialog = dialog
        dialog.open()

    def _save(self, title: str, name: str, write: Callable[[str], object]) -> None:
        dialog = QFileDialog(self._window, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)
        dialog.fileSelected.connect(write)
        self.dialog = dialog
        dialog.open()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._presenter.spawn(work)

    async def _write(self, path: str, data: bytes) -> None:
        try:
            await self._presenter.disk.write(path, data)
        except OSError as error:
            raise no_file(path, error) from error

    async def _read(self, path: str) -> bytes:
        try:
            return await self._presenter.disk.read(path)
        except OSError as error:
            raise no_file(path, error) from error
