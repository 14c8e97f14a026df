"""A question in its place on the page, before something is done that cannot be taken back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.theme import ThemeSource
from ui.widgets.buttons import DangerButton, SecondaryButton
from ui.widgets.cards import Card
from ui.widgets.labels import Label


class QuestionCard(Card):
    """Hidden until it asks; emits `confirmed` or `kept`. Esc keeps.

    Args:
        themes: where the theme comes from.
        yes: words of the button that does it.
        no: words of the button that leaves all as it is.
        icon: name of an icon on the first button.
    """

    confirmed = Signal()
    kept = Signal()

    def __init__(
        self, themes: ThemeSource, yes: str, no: str, icon: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(themes, "downSoft", "downSoft", parent=parent)
        self.title = Label("", themes, "strong", wrap=True)
        self.line = Label("", themes, tone="text2", wrap=True)
        self.yes = DangerButton(yes, themes, icon)
        self.keep = SecondaryButton(no, themes)
        self.yes.clicked.connect(self.confirmed)
        self.keep.clicked.connect(self.kept)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.yes)
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

    def ask(self, title: str, line: str, *, wanted: bool = True) -> None:
        """Ask, or go away; the keyboard comes to the answer that changes nothing.

        Args:
            title: the question.
            line: what becomes of it.
            wanted: False: the question is not asked any more.
        """
        self.title.setText(title)
        self.line.setText(line)
        self.setAccessibleName(title)
        self.setAccessibleDescription(line)
        if wanted == self.isHidden():
            self.setVisible(wanted)
            if wanted:
                self.keep.setFocus(Qt.FocusReason.TabFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc keeps."""
        if event.key() == Qt.Key.Key_Escape:
            self.kept.emit()
            return
        super().keyPressEvent(event)
