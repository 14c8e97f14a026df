"""The last lines of the backend's log in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from ui.theme import ThemeSource

WIDTH, HEIGHT = 760, 480
SHOWN_LINES = 200
TAIL_BYTES = 100_000


def last_lines(files: Sequence[Path]) -> str:
    """The last lines of each file that is there; reads, so call it in a thread."""
    parts = []
    for file in files:
        try:
            with file.open("rb") as stream:
                stream.seek(max(0, file.stat().st_size - TAIL_BYTES))
                lines = stream.read().decode("utf-8", "replace").splitlines()[-SHOWN_LINES:]
        except OSError as error:
            lines = [f"({error.strerror})"]
        parts.append("\n".join([f"{file}", *lines]))
    return "\n\n".join(parts)


class LogWindow(QDialog):
    """Shows a text that can be selected and copied; not modal.

    Args:
        text: what `last_lines` gave.
        themes: where the theme comes from.
    """

    def __init__(self, text: str, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Backend log")
        self.resize(WIDTH, HEIGHT)
        self._text = QPlainTextEdit(text)
        self._text.setReadOnly(True)
        self._text.setFont(themes.theme.font("code"))
        self._text.setAccessibleName("Last lines of the backend's log")
        self._text.verticalScrollBar().setValue(self._text.verticalScrollBar().maximum())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text.toPlainText()))
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addWidget(QLabel("The last lines, newest at the end."))
        column.addWidget(self._text, 1)
        column.addWidget(buttons)
