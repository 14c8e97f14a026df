"""A heading that opens and closes what is under it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets import Card, GhostButton

MOST_LINES = 12


class Disclosure(QWidget):
    """A heading with a chevron over a text in code style that can be selected; closed at first.

    Args:
        title: of the heading.
        themes: where the theme comes from.
    """

    def __init__(self, title: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = GhostButton(title, themes, "chevron-right")
        self.head.setCheckable(True)
        # so that its chevron stands where the text begins
        self.head.setStyleSheet("QPushButton { padding-left: 0 }")
        self.head.setAccessibleDescription("Opens and closes the text below")
        self.head.toggled.connect(self._open)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(title)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._block = Card(themes, "sunken", "border", 6)
        inner = QVBoxLayout(self._block)
        inner.setContentsMargins(8, 4, 4, 4)
        inner.addWidget(self.text)
        self._block.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.head, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._block)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def show_text(self, text: str) -> None:
        """Show another text; an empty one hides all of it."""
        if self.text.toPlainText() != text:
            self.text.setPlainText(text)
            self._fit()
        self.setVisible(bool(text))

    def _open(self, opened: bool) -> None:
        self.head.set_icon("chevron-down" if opened else "chevron-right")
        self._block.setVisible(opened)

    def _fit(self) -> None:
        lines = min(MOST_LINES, max(2, self.text.document().blockCount()))
        self.text.setFixedHeight(self.text.fontMetrics().lineSpacing() * lines + 26)

    def _use(self, theme: Theme) -> None:
        self.text.setFont(theme.font("log"))
        self._fit()
