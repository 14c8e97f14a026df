"""The question before a model is removed, in the pane of its details."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.models import ModelSource
from ui.models import words
from ui.theme import ThemeSource
from ui.widgets import Card, DangerButton, Label, SecondaryButton

PLACES = {
    ModelSource.OLLAMA: "It is removed from the Ollama server.",
    ModelSource.OLLAMA_STORE: "It is removed from the Ollama store; Ollama will not have it any more either.",
}


class RemoveCard(Card):
    """Says what removing frees; emits `confirmed` or `kept`. Esc keeps."""

    confirmed = Signal()
    kept = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, "downSoft", "downSoft", parent=parent)
        self.title = Label("", themes, "strong", wrap=True)
        self.line = Label("", themes, tone="text2", wrap=True)
        self.keep = SecondaryButton("Keep", themes)
        self.remove = DangerButton("Remove", themes, "trash-2")
        self.keep.clicked.connect(self.kept)
        self.remove.clicked.connect(self.confirmed)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.remove)
        buttons.addWidget(self.keep)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.line)
        column.addSpacing(4)
        column.addLayout(buttons)
        self.hide()

    def show_model(self, title: str, frees_bytes: int, source: ModelSource, *, wanted: bool) -> None:
        """Ask, or go away; the keyboard comes to Keep."""
        self.title.setText(f"Remove {title}?")
        frees = f"This frees {words.file_size(frees_bytes)} on the disk." if frees_bytes else ""
        place = PLACES.get(source, "The file is deleted. It can be fetched again.")
        self.line.setText(" ".join(part for part in (frees, place, "Chats stay as they are.") if part))
        self.setAccessibleName(self.title.text())
        self.setAccessibleDescription(self.line.text())
        if wanted == self.isHidden():
            self.setVisible(wanted)
            if wanted:
                self.keep.setFocus(Qt.FocusReason.TabFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc keeps the model."""
        if event.key() == Qt.Key.Key_Escape:
            self.kept.emit()
            return
        super().keyPressEvent(event)
