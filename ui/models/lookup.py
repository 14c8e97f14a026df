"""Any model by its name in a registry: look it up, choose a file, fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.models import words
from ui.models.failure_place import FailurePlace
from ui.widgets import (
    BusyRing,
    Card,
    Choice,
    ElidedLabel,
    Field,
    IconButton,
    Label,
    Patience,
    PrimaryButton,
    SecondaryButton,
)

if TYPE_CHECKING:
    from backend_embedded.contract.library import Remote, RemoteFile
    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import ThemeSource

HINT = "tinyllama:1.1b"
EXPLAINED = (
    "A name of Ollama's library, such as qwen2.5:0.5b, or a repository or file of Hugging Face, "
    "such as hf.co/owner/name or hf.co/owner/name/file.gguf."
)


class FoundCard(Card):
    """What was found under a reference: title, licence, files to choose from."""

    def __init__(
        self, presenter: ModelsPresenter, themes: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(themes, parent=parent)
        self._presenter = presenter
        self._remote: Remote | None = None
        self._state: ModelsState | None = None
        self.title = ElidedLabel("", themes, "strong")
        self.licence = Label("", themes, "caption", "text2", wrap=True)
        self.file = Choice("File", [], themes)
        self.size_words = Label("", themes, numbers=True)
        self.get = PrimaryButton("Download", themes, "download")
        self.close_button = IconButton("x", "Close what was found", themes, box=24)
        self.close_button.clicked.connect(presenter.forget_remote)
        self.file.currentIndexChanged.connect(lambda _: self._show_file())
        self.get.clicked.connect(self._download)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        end = QHBoxLayout()
        end.setContentsMargins(0, 0, 8, 0)
        end.addWidget(self.size_words, 1)
        end.addWidget(self.get)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 8, 12)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.licence)
        choice = QHBoxLayout()
        choice.setContentsMargins(0, 0, 8, 0)
        choice.addWidget(self.file, 1)
        column.addLayout(choice)
        column.addLayout(end)
        self.hide()

    def show_state(self, state: ModelsState) -> None:
        """Show what was found, or go away."""
        self._state, remote = state, state.remote
        self.setVisible(remote is not None)
        if remote is not None and remote != self._remote:
            self.title.set_whole_text(remote.title or remote.reference)
            self.setAccessibleName(f"Found: {remote.title or remote.reference}")
            licence = f"Licence: {remote.license}." if remote.license else "No licence is named."
            self.licence.setText(f"{licence} {words.counted(len(remote.files), 'file')}.")
            self.file.set_options([(file.reference, words_of_file(file)) for file in remote.files])
            self.file.setVisible(len(remote.files) > 1)
        self._remote = remote
        self._show_file()

    @property
    def chosen(self) -> RemoteFile | None:
        """The file that would be fetched."""
        files = self._remote.files if self._remote else ()
        wanted = self.file.currentData()
        return next((file for file in files if file.reference == wanted), files[0] if files else None)

    def _show_file(self) -> None:
        file, state = self.chosen, self._state
        if state is None:
            return
        under_way = file is not None and (
            file.reference in state.starting or state.download_of(file.reference) is not None
        )
        there = file is not None and state.on_disk(file.reference)
        self.size_words.setText(words.file_size(file.size_bytes) if file else "No GGUF file was found.")
        can_get = file is not None and state.connected and not under_way and not there
        if self.get.hasFocus() and not can_get:
            self.close_button.setFocus()  # else the keyboard would land on the Download of another model
        self.get.setEnabled(can_get)
        self.get.setText("On this machine" if there else "Under way" if under_way else "Download")

    def _download(self) -> None:
        file = self.chosen
        if file is not None:
            self._presenter.spawn(self._presenter.download(file.reference))


class Lookup(QWidget):
    """A field for a reference, and what it leads to."""

    def __init__(
        self, presenter: ModelsPresenter, themes: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.field = Field("Name in a registry", themes, mono=True)
        self.field.edit.setPlaceholderText(HINT)
        self.field.edit.setAccessibleDescription(EXPLAINED)
        self.field.edit.returnPressed.connect(self.look_up)
        self.button = SecondaryButton("Look up", themes, "search")
        self.button.clicked.connect(self.look_up)
        self.with_server = SecondaryButton("Get with Ollama", themes, "download")
        self.with_server.setToolTip("The Ollama server fetches it for itself")
        self.with_server.clicked.connect(lambda: presenter.pull_with_server(self.field.edit.text()))
        self.field.edit.textChanged.connect(lambda _: self._offer_server())
        self.ring = BusyRing("Looking it up", themes)
        self.looking = ElidedLabel("", themes, "caption", "text2")
        self.cancel = SecondaryButton("Cancel", themes, small=True)
        self.cancel.setAccessibleName("Cancel the look-up")
        self.cancel.clicked.connect(presenter.forget_remote)
        self.cancel.hide()
        self.patience = Patience(themes, self)
        self.patience.too_long.connect(self.cancel.show)
        self.failure = FailurePlace(
            themes, [("Try again", self.look_up), ("Dismiss", presenter.forget_remote)]
        )
        self.found = FoundCard(presenter, themes)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.field, 1)
        line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        busy = QHBoxLayout()
        busy.setSpacing(6)
        busy.addWidget(self.ring)
        busy.addWidget(self.looking, 1)
        busy.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(Label("Any model", themes, "cardTitle"))
        column.addLayout(line)
        column.addWidget(Label(EXPLAINED, themes, "caption", "text3", wrap=True))
        column.addWidget(self.with_server, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(busy)
        column.addWidget(self.failure)
        column.addWidget(self.found)

    def look_up(self) -> None:
        """Look up what was typed."""
        if self._presenter.state.connected:
            self._presenter.spawn(self._presenter.look_up(self.field.edit.text()))

    def _offer_server(self) -> None:
        state = self._presenter.state
        self.with_server.setVisible(state.server_ready)
        self.with_server.setEnabled(state.connected and bool(self.field.edit.text().strip()))

    def show_state(self, state: ModelsState) -> None:
        """Show this state."""
        self._offer_server()
        self.button.setEnabled(state.connected and not state.looking)
        self.button.setToolTip(state.locked_because)
        self.ring.setVisible(state.looking)
        self.looking.setVisible(state.looking)
        self.looking.set_whole_text(f"Asking for {state.reference}")
        if not state.looking:
            self.patience.end()
            self.cancel.hide()
        elif not self.patience.is_active and self.cancel.isHidden():
            self.patience.begin()
        self.failure.show_failure(state.remote_failure)
        self.found.show_state(state)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc empties the field."""
        if event.key() == Qt.Key.Key_Escape and self.field.edit.text():
            self.field.edit.clear()
            self._presenter.forget_remote()
            return
        super().keyPressEvent(event)


def words_of_file(file: RemoteFile) -> str:
    """A file in the list: quantisation, or its name, and its size."""
    parts = (file.quantization or file.name, words.file_size(file.size_bytes))
    return words.SEPARATOR.join(part for part in parts if part)
