"""A short message at the corner of the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.theme import ThemeSource
from ui.widgets.buttons import IconButton
from ui.widgets.cards import CardAction, buttons_of
from ui.widgets.floating import SHADOW_PX, Floating
from ui.widgets.glyphs import StateGlyph
from ui.widgets.labels import ElidedLabel, Label


class Toast(Floating):
    """A message that goes away by itself, unless it is an error or asks for something; emits `closed`.

    Args:
        state: `ok`, `degraded`, `down` or `off`.
        title: what happened.
        text: more about it; may be empty.
        time: when, in words.
        themes: where the theme comes from.
        actions: buttons; pressing one closes the message.
        stays: it is closed by the user only.
    """

    closed = Signal()

    def __init__(
        self,
        state: str,
        title: str,
        text: str,
        time: str,
        themes: ThemeSource,
        actions: Sequence[CardAction] = (),
        *,
        stays: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(themes, parent=parent)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setFixedWidth(themes.theme.scaled(themes.theme.size("toast")) + 2 * SHADOW_PX)
        close = IconButton("x", "Dismiss", themes, box=24)
        close.clicked.connect(self.close_now)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(StateGlyph(state, themes))
        head.addWidget(ElidedLabel(title, themes, "strong"), 1)
        head.addWidget(Label(time, themes, "caption", "text3", numbers=True))
        head.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 12)
        layout.setSpacing(4)
        layout.addLayout(head)
        if text:
            layout.addWidget(Label(text, themes, tone="text2", wrap=True))
        if actions:
            layout.addSpacing(4)
            layout.addLayout(buttons_of(actions, themes, primary=False, before=self.close_now))
        self._life = QTimer(self)
        self._life.setSingleShot(True)
        self._life.setInterval(themes.theme.tokens.motion_ms["toastLife"])
        self._life.timeout.connect(self.close_now)
        self._stays = stays or bool(actions) or state == "down"
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def fit(self) -> None:
        """Take the height that the text needs at the width."""
        self.resize(self.width(), max(self.heightForWidth(self.width()), self.minimumSizeHint().height()))

    def start(self) -> None:
        """Begin its time."""
        if not self._stays:
            self._life.start()

    def close_now(self) -> None:
        """Go away."""
        self._life.stop()
        self.closed.emit()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        """Wait while it is being read."""
        self._life.stop()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Its time begins anew."""
        self.start()
