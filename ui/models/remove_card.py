"""The question before a model is removed, in the pane of its details."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from backend_embedded.contract.models import ModelSource
from ui.models import words
from ui.theme import ThemeSource
from ui.widgets import QuestionCard

PLACES = {
    ModelSource.OLLAMA: "It is removed from the Ollama server.",
    ModelSource.OLLAMA_STORE: "It is removed from the Ollama store; Ollama will not have it any more either.",
}


class RemoveCard(QuestionCard):
    """Says what removing frees."""

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, "Remove", "Keep", "trash-2", parent)

    def show_model(self, title: str, frees_bytes: int, source: ModelSource, *, wanted: bool) -> None:
        """Ask, or go away."""
        frees = f"This frees {words.file_size(frees_bytes)} on the disk." if frees_bytes else ""
        place = PLACES.get(source, "The file is deleted. It can be fetched again.")
        line = " ".join(part for part in (frees, place, "Chats stay as they are.") if part)
        self.ask(f"Remove {title}?", line, wanted=wanted)
