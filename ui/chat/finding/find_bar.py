"""The bar over the conversation in which words are looked for within it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRegularExpression, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QWidget

from ui.widgets import IconButton, Label, SearchField

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.chat.finding.finding_state import Found
    from ui.chat.transcript_view import TranscriptView
    from ui.theme import Theme, ThemeSource

MOST_MARKS = 500
WORD = re.compile(r"\w+")
ANY_CASE = (
    QRegularExpression.PatternOption.CaseInsensitiveOption
    | QRegularExpression.PatternOption.UseUnicodePropertiesOption
)


class FindBar(QWidget):
    """Field, count, previous, next, close; Enter goes on, Shift+Enter back, Esc closes."""

    typed = Signal(str)
    step_wanted = Signal(int)
    closed = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self.field = SearchField("Find in this chat", themes)
        self.field.setFixedWidth(280)
        self.field.textChanged.connect(self.typed)
        self.field.installEventFilter(self)
        self._count = Label("", themes, "caption", "text3", numbers=True)
        back = IconButton("chevron-left", "Previous match", themes, box=24, shortcut="Shift+Enter")
        on = IconButton("chevron-right", "Next match", themes, box=24, shortcut="Enter")
        close = IconButton("x", "Close the search", themes, box=24, shortcut="Esc")
        back.clicked.connect(lambda: self.step_wanted.emit(-1))
        on.clicked.connect(lambda: self.step_wanted.emit(1))
        close.clicked.connect(self.leave)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(self.field)
        row.addWidget(self._count)
        row.addStretch(1)
        for button in (back, on, close):
            row.addWidget(button)
        themes.changed.connect(self._use)
        self.hide()

    def open(self) -> None:
        """Show the bar with the keyboard in its field."""
        self.show()
        self.field.selectAll()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        """Close, and look for nothing any more."""
        self.hide()
        self.field.clear()
        self.closed.emit()

    def show_found(self, found: Found) -> None:
        """Show how many there are."""
        self._count.setText(found.words)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Enter and Esc in the field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
                self.step_wanted.emit(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and rule."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.color("border"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


def mark_matches(view: TranscriptView, query: str, theme: Theme) -> int:
    """Mark each of the words wherever a word begins with it; gives how many marks there are."""
    marks: list[QTextEdit.ExtraSelection] = []
    look = QTextCharFormat()
    look.setBackground(theme.color("degradedSoft"))
    look.setForeground(theme.color("degraded"))
    words = "|".join(QRegularExpression.escape(word) for word in WORD.findall(query))
    wanted = QRegularExpression(rf"\b(?:{words})", ANY_CASE)
    cursor = QTextCursor(view.document())
    while words and len(marks) < MOST_MARKS:
        cursor = view.document().find(wanted, cursor)
        if cursor.isNull():
            break
        mark = QTextEdit.ExtraSelection()
        mark.cursor, mark.format = cursor, look  # type: ignore[attr-defined, unused-ignore]
        marks.append(mark)
    view.setExtraSelections(marks)
    return len(marks)
