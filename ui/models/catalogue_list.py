"""The catalogue: one row for each model that can be fetched, with its licence and size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from backend_embedded.contract.library import DownloadState
from ui.models import words
from ui.models.state import share_of
from ui.widgets import Card, Chip, ElidedLabel, Label, ProgressBar, SecondaryButton, StateGlyph

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.library import CatalogueEntry
    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import Theme, ThemeSource

END_WIDTH = 132


class EntryRow(QWidget):
    """One entry; emits `wanted` when its button is pressed."""

    wanted = Signal()

    def __init__(self, entry: CatalogueEntry, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self.ruled = False
        self.setAccessibleName(f"{entry.title}, {words.file_size(entry.size_bytes)}, {entry.license}")
        self.setAccessibleDescription(entry.description)
        self.get = SecondaryButton("Download", themes, "download")
        self.get.setAccessibleName(f"Download {entry.title}, {words.file_size(entry.size_bytes)}")
        self.get.clicked.connect(self.wanted)
        self.glyph = StateGlyph("ok", themes)
        self.state = Label("", themes, "caption", "text2", numbers=True)
        self.bar = ProgressBar(f"Download of {entry.title}", themes)
        self.bar.setFixedWidth(96)
        self._lay_out(entry, themes)
        themes.changed.connect(self._use)

    def _lay_out(self, entry: CatalogueEntry, themes: ThemeSource) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        title = ElidedLabel(entry.title, themes, "strong")
        title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        head.addWidget(title)
        for word, holds in (("Tools", entry.tools), ("Embeddings", entry.embeds)):
            if holds:
                head.addWidget(Chip(word, "plain", themes))
        head.addStretch(1)
        text = QVBoxLayout()
        text.setSpacing(2)
        text.addLayout(head)
        text.addWidget(Label(entry.description, themes, tone="text2", wrap=True))
        text.addWidget(Label(words.line_of_entry(entry), themes, "caption", "text3", wrap=True))
        size = Label(words.file_size(entry.size_bytes), themes, numbers=True)
        size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        size.setMinimumWidth(64)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(16)
        row.addLayout(text, 1)
        row.addWidget(size, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._end(), 0, Qt.AlignmentFlag.AlignVCenter)

    def _end(self) -> QWidget:
        """Button, or how it stands, in a place of one width."""
        end = QWidget()
        end.setFixedWidth(self._theme.scaled(END_WIDTH))
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addStretch(1)
        line.addWidget(self.glyph)
        line.addWidget(self.state)
        column = QVBoxLayout(end)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.get, 0, Qt.AlignmentFlag.AlignRight)
        column.addLayout(line)
        column.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignRight)
        return end

    def show_state(self, reference: str, state: ModelsState) -> None:
        """Show whether it is there, under way, or can be fetched."""
        download = state.download_of(reference)
        there, starting = state.on_disk(reference), reference in state.starting
        self.get.setVisible(download is None and not there)
        self.get.setEnabled(state.connected and not starting)
        self.get.setToolTip(state.locked_because)
        self.get.setText("Starting" if starting else "Download")
        self.glyph.setVisible(download is None and there)
        self.state.setVisible(download is not None or there)
        share = share_of(download) if download is not None else None
        self.bar.setVisible(share is not None)
        if download is None:
            self.state.setText("On this machine")
            return
        held = download.state in (DownloadState.PAUSED, DownloadState.FAILED)
        if share is not None:
            self.bar.set_share(share, "disabled" if held else "accent")
        self.state.setText(words.short_progress(download))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The rule over the row."""
        if self.ruled:
            painter = QPainter(self)
            painter.fillRect(1, 0, self.width() - 2, 1, self._theme.color("border"))
            painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


class CatalogueList(Card):
    """The rows of the entries that a state shows."""

    def __init__(
        self, presenter: ModelsPresenter, themes: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(themes, parent=parent)
        self._presenter, self._themes = presenter, themes
        self._entries: tuple[CatalogueEntry, ...] = ()
        self.rows: dict[str, EntryRow] = {}
        self.setAccessibleName("Catalogue")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def show_state(self, state: ModelsState) -> None:
        """Show the catalogue of a state; rows are made only when its entries are others."""
        entries = tuple(entry.model_copy(update={"installed": False}) for entry in state.catalogue or ())
        if entries != self._entries:
            self._entries = entries
            self._make(entries)
        shown = [entry.reference for entry in state.shown_catalogue]
        for reference, row in self.rows.items():
            row.setVisible(reference in shown)
            row.ruled = bool(shown) and reference != shown[0]
            row.show_state(reference, state)
        self.setVisible(bool(shown))

    def _make(self, entries: tuple[CatalogueEntry, ...]) -> None:
        for row in self.rows.values():
            row.hide()
            self._column.removeWidget(row)
            row.deleteLater()
        self.rows = {}
        presenter = self._presenter
        for entry in entries:
            row = EntryRow(entry, self._themes)
            reference = entry.reference
            row.wanted.connect(lambda reference=reference: presenter.spawn(presenter.download(reference)))
            self.rows[reference] = row
            self._column.addWidget(row)
