"""Fields of the settings that take a typed value at Enter or when the keyboard leaves them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets import SecondaryButton


class TypedField(QLineEdit):
    """Emits `taken(text)` for a text that differs from the one shown last, and `left` at Esc.

    Args:
        name: accessible name.
        themes: where the theme comes from.
        mono: for paths.
    """

    taken = Signal(str)
    left = Signal()

    def __init__(
        self, name: str, themes: ThemeSource, *, mono: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._style = "log" if mono else "body"
        self._shown = ""
        self.setAccessibleName(name)
        self.returnPressed.connect(self._again)
        self.editingFinished.connect(self._finished)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def show_text(self, text: str) -> None:
        """Show a value; one that is being typed is not disturbed."""
        busy_typing = self.hasFocus() and self.text() != self._shown
        self._shown = text
        if not busy_typing and self.text() != text:
            self.setText(text)
            self.setCursorPosition(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc forgets what was typed."""
        if event.key() == Qt.Key.Key_Escape and (self.text() != self._shown or self.property("invalid")):
            self.setText(self._shown)
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _finished(self) -> None:
        if self.text() != self._shown:
            self._shown = self.text()
            self.taken.emit(self.text())

    def _again(self) -> None:
        """Enter tries a refused value once more: what was in its way may be gone."""
        if self.property("invalid"):
            self._shown = self.text()
            self.taken.emit(self.text())

    def _use(self, theme: Theme) -> None:
        self.setFont(theme.font(self._style))


class FolderField(QWidget):
    """A path and a button that lets the user choose it.

    Args:
        name: accessible name of the field; also the title of the dialog.
        themes: where the theme comes from.
    """

    def __init__(self, name: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.edit = TypedField(name, themes, mono=True)
        self.browse = SecondaryButton("Browse…", themes)
        self.browse.clicked.connect(self.open_dialog)
        self.dialog: QFileDialog | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.browse)

    def open_dialog(self) -> None:
        """Let the user choose a folder; the program goes on meanwhile."""
        if self.dialog is not None:
            self.dialog.raise_()
            return
        start = self.edit.text() or self.edit.placeholderText()
        dialog = QFileDialog(self, f"Choose the {self._name.lower()}", start)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._chosen)
        dialog.finished.connect(self._closed)
        self.dialog = dialog
        dialog.open()

    def _chosen(self, folder: str) -> None:
        self.edit.setText(folder)
        self.edit.taken.emit(folder)

    def _closed(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None
