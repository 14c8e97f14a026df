"""The rule under what the model did not see, with the summary that stood for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from ui.chat import words
from ui.widgets import ElidedLabel, SecondaryButton

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.context import AnswerContext
    from ui.theme import Theme, ThemeSource

EDIT_HEIGHT = 132


def mark_words(context: AnswerContext) -> tuple[str, str]:
    """What the rule says, and why."""
    count = words.counted(len(context.unseen), "message")
    size = f"The context holds {words.counted(context.size, 'token')}." if context.size else ""
    if context.summary is not None:
        edited = ", edited by you" if context.summary.edited else ""
        return f"A summary stands for the {count} above{edited}", size
    return "The model did not see anything above", f"{count} left out. {size}".strip()


class ContextMark(QWidget):
    """Rule, words, Change; with a summary also its text, which can be edited."""

    change_wanted = Signal()
    summary_edited = Signal(str)
    resized = Signal()

    def __init__(self, context: AnswerContext, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        title, why = mark_words(context)
        self.setAccessibleName(f"{title}. {why}")
        row = QHBoxLayout()
        row.setSpacing(8)
        said = QVBoxLayout()
        said.setSpacing(0)
        said.addWidget(ElidedLabel(title, themes, "label", "degraded"))
        said.addWidget(ElidedLabel(why, themes, "caption", "text3"))
        row.addLayout(said, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(row)
        self.text: QPlainTextEdit | None = None
        if context.summary is not None:
            self._add_summary(context.summary.text, row, column, themes)
        change = SecondaryButton("Change", themes, small=True)
        change.setAccessibleName("Change what is done when it does not fit")
        change.clicked.connect(self.change_wanted)
        row.addWidget(change)
        themes.changed.connect(self._use)

    def _add_summary(self, text: str, row: QHBoxLayout, column: QVBoxLayout, themes: ThemeSource) -> None:
        edit = self.text = QPlainTextEdit(text)
        edit.setAccessibleName("Summary")
        edit.setProperty("edged", True)
        edit.setFont(themes.theme.font("message"))
        edit.setFixedHeight(EDIT_HEIGHT)
        edit.setTabChangesFocus(True)
        edit.hide()
        save = SecondaryButton("Save summary", themes, small=True)
        save.hide()
        shown = SecondaryButton("Show summary", themes, small=True)

        def toggle() -> None:
            edit.setVisible(edit.isHidden())
            save.setVisible(not edit.isHidden())
            shown.setText("Show summary" if edit.isHidden() else "Hide summary")
            self.resized.emit()

        shown.clicked.connect(toggle)
        save.clicked.connect(lambda: self.summary_edited.emit(edit.toPlainText()))
        self.shown_button, self.save_button = shown, save
        row.addWidget(save)
        row.addWidget(shown)
        column.addWidget(edit)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The rule."""
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), 1, self._theme.color("degraded"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        if self.text is not None:
            self.text.setFont(theme.font("message"))
        self.update()
