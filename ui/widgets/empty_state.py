"""What a page shows when it has nothing to show."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.theme.icons import pixmap
from ui.widgets.buttons import PrimaryButton
from ui.widgets.labels import Label


class EmptyState(QWidget):
    """An icon, what is not there, what for, and the one action that changes it.

    Args:
        icon: name of an icon.
        title: what is not there, for example `No documents yet`.
        line: why, or what it is for.
        themes: where the theme comes from.
        action: words of the button and what it does.
        action_icon: icon of the button.
    """

    def __init__(
        self,
        icon: str,
        title: str,
        line: str,
        themes: ThemeSource,
        action: tuple[str, Callable[[], object]] | None = None,
        action_icon: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        self._picture = QLabel(self)
        self._picture.setFixedSize(32, 32)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(4)
        layout.addStretch(1)
        center = Qt.AlignmentFlag.AlignHCenter
        layout.addWidget(self._picture, 0, center)
        layout.addSpacing(4)
        self._title = Label(title, themes, "cardTitle")
        self._line = Label(line, themes, tone="text2", wrap=True)
        self._line.setAlignment(center)
        layout.addWidget(self._title, 0, center)
        layout.addWidget(self._line)
        if action is not None:
            words, run = action
            button = PrimaryButton(words, themes, action_icon)
            button.clicked.connect(lambda _=False: run())
            layout.addSpacing(4)
            layout.addWidget(button, 0, center)
        layout.addStretch(1)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def set_texts(self, title: str, line: str) -> None:
        """Say something else."""
        self._title.setText(title)
        self._line.setText(line)

    def _use(self, theme: Theme) -> None:
        self._picture.setPixmap(pixmap(self._icon, "text3", 32, theme))
