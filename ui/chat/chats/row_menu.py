"""The menu of a row of the list, and that of the whole list; Shift+F10 or the menu key opens it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QInputDialog, QMenu

from backend_embedded.contract.transfer import ExportFormat
from ui.chat.chats.ordering import folders_of, tags_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.conversations import Conversation


class RowMenu(QObject):
    """Says what was chosen; it changes nothing itself."""

    rename_wanted = Signal(object)
    pinned = Signal(object, bool)
    archived = Signal(object, bool)
    foldered = Signal(object, str)
    tagged = Signal(object, object)
    export_wanted = Signal(object, object)
    import_wanted = Signal()
    archive_shown = Signal(bool)
    delete_wanted = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent

    def for_row(self, one: Conversation, all_of_them: Sequence[Conversation]) -> QMenu:
        """The menu of one conversation."""
        menu = self._menu()
        menu.addAction("Rename", lambda: self.rename_wanted.emit(one.id))
        menu.addAction("Unpin" if one.pinned else "Pin", lambda: self.pinned.emit(one.id, not one.pinned))
        folders = menu.addMenu("Move to folder")
        for name in folders_of(all_of_them):
            chosen = folders.addAction(name)
            chosen.setCheckable(True)
            chosen.setChecked(name == one.folder)
            chosen.triggered.connect(lambda _=False, name=name: self.foldered.emit(one.id, name))
        if not folders.isEmpty():
            folders.addSeparator()
        folders.addAction("New folder…", lambda: self._ask_folder(one))
        out = folders.addAction("No folder", lambda: self.foldered.emit(one.id, ""))
        out.setEnabled(bool(one.folder))
        menu.addAction("Tags…", lambda: self._ask_tags(one))
        away = one.archived_at is not None
        menu.addAction(
            "Take out of the archive" if away else "Archive", lambda: self.archived.emit(one.id, not away)
        )
        menu.addSeparator()
        menu.addAction("Export as Markdown…", lambda: self.export_wanted.emit(one.id, ExportFormat.MARKDOWN))
        menu.addAction("Export as JSON…", lambda: self.export_wanted.emit(one.id, ExportFormat.JSON))
        menu.addSeparator()
        menu.addAction("Delete", lambda: self.delete_wanted.emit(one.id))
        return menu

    def for_list(self, *, archive_shown: bool) -> QMenu:
        """The menu of all conversations."""
        menu = self._menu()
        shown = menu.addAction("Show archived chats")
        shown.setCheckable(True)
        shown.setChecked(archive_shown)
        shown.triggered.connect(self.archive_shown)
        menu.addSeparator()
        menu.addAction("Import chats…", self.import_wanted.emit)
        menu.addAction("Export all as JSON…", lambda: self.export_wanted.emit(None, ExportFormat.JSON))
        menu.addAction(
            "Export all as Markdown…", lambda: self.export_wanted.emit(None, ExportFormat.MARKDOWN)
        )
        return menu

    def open(self, menu: QMenu, at: QPoint) -> None:
        """Show a menu there."""
        menu.popup(at)

    def _menu(self) -> QMenu:
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _ask_folder(self, one: Conversation) -> None:
        self._ask("New folder", "Name of the folder", one.folder, lambda t: self.foldered.emit(one.id, t))

    def _ask_tags(self, one: Conversation) -> None:
        tags = ", ".join(one.tags)
        self._ask("Tags", "Tags, with commas", tags, lambda t: self.tagged.emit(one.id, tags_from(t)))

    def _ask(self, title: str, label: str, text: str, take: Callable[[str], None]) -> QInputDialog:
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(title)
        dialog.setLabelText(label)
        dialog.setTextValue(text)
        dialog.textValueSelected.connect(take)
        dialog.open()
        return dialog
