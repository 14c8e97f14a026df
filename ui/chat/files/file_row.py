"""The files above the composer's text: name, cost, and a cross to leave one out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from ui.widgets import ElidedLabel, IconButton, Label, SecondaryButton
from ui.widgets.cards import Card

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from ui.chat.files.files_state import PendingFile
    from ui.theme import ThemeSource

MOST_IN_A_ROW = 3
CHIP_PX = 200
"""Room for one."""
LONGEST_NAME = 24
LEAST_NAME_PX = 72


class FileChip(Card):
    """One file."""

    removed = Signal(int)

    def __init__(self, file: PendingFile, themes: ThemeSource) -> None:
        super().__init__(
            themes, "downSoft" if file.refused else "user", "down" if file.refused else "border", 4
        )
        name = file.name
        if len(name) > LONGEST_NAME:
            name = f"{name[: LONGEST_NAME - 9]}…{name[-8:]}"
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(8)
        shown = ElidedLabel(name, themes, "caption")
        shown.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        shown.setMinimumWidth(min(shown.sizeHint().width(), themes.theme.scaled(LEAST_NAME_PX)))
        row.addWidget(shown)
        tone = "down" if file.refused else "text2"
        row.addWidget(Label(file.line, themes, "caption", tone, numbers=True))
        cross = IconButton("x", f"Leave {file.name} out", themes, size=12, box=24)
        cross.clicked.connect(lambda: self.removed.emit(file.number))
        row.addWidget(cross)
        self.setAccessibleName(f"{file.name}, {file.refused or file.line}")
        self.setToolTip(f"{file.name}\n{file.refused or file.line}")


class FileRow(QWidget):
    """The chips, three in a row, and under them why a file was refused; offers pasted text as a file."""

    removed = Signal(int)
    paste_as_file = Signal(str)
    paste_as_text = Signal(str)

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._shown: tuple[PendingFile, ...] = ()
        self._offered = ""
        self._in_a_row = MOST_IN_A_ROW
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._body: QWidget | None = None
        self.hide()

    def show_files(self, files: tuple[PendingFile, ...]) -> None:
        """Show these files."""
        if files != self._shown:
            self._shown = files
            self._rebuild()

    def offer(self, text: str) -> None:
        """Ask whether long pasted text should be a file; empty: the question is answered."""
        self._offered = text
        self._rebuild()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fewer chips stand in a row where there is less room."""
        super().resizeEvent(event)
        fitting = self.width() // self._themes.theme.scaled(CHIP_PX)
        in_a_row = max(1, min(MOST_IN_A_ROW, fitting))
        if in_a_row != self._in_a_row:
            self._in_a_row = in_a_row
            self._rebuild()

    def _rebuild(self) -> None:
        if self._body is not None:
            self._column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        body = self._body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        row = QHBoxLayout()
        for place, file in enumerate(self._shown):
            if place % self._in_a_row == 0:
                row = QHBoxLayout()
                row.setSpacing(8)
                column.addLayout(row)
            chip = FileChip(file, self._themes)
            chip.removed.connect(self.removed)
            row.addWidget(chip)
            if place % self._in_a_row == self._in_a_row - 1 or place == len(self._shown) - 1:
                row.addStretch(1)
        for file in self._shown:
            if file.refused:
                said = file.refused if file.refused.startswith(file.name) else f"{file.name}: {file.refused}"
                column.addWidget(Label(said, self._themes, "caption", "down", wrap=True))
        if self._offered:
            column.addLayout(self._offer_row())
        self._column.addWidget(body)
        self.setVisible(bool(self._shown or self._offered))

    def _offer_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        said = f"{len(self._offered):,} characters were pasted"
        row.addWidget(Label(said, self._themes, "caption", "text2"), 1)
        attach = SecondaryButton("Attach as file", self._themes, small=True)
        keep = SecondaryButton("Keep as text", self._themes, small=True)
        text = self._offered
        attach.clicked.connect(lambda: self._answer(text, as_file=True))
        keep.clicked.connect(lambda: self._answer(text, as_file=False))
        row.addWidget(attach)
        row.addWidget(keep)
        return row

    def _answer(self, text: str, *, as_file: bool) -> None:
        self.offer("")
        (self.paste_as_file if as_file else self.paste_as_text).emit(text)
