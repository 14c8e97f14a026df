"""A floating card over the window that Esc or a click beside it closes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.shell import status_words
from ui.shell.values import CapabilityState
from ui.theme import ThemeSource
from ui.widgets.cards import CardAction, buttons_of
from ui.widgets.fade import fade_in
from ui.widgets.floating import SHADOW_DOWN_PX, SHADOW_PX, Floating
from ui.widgets.glyphs import StateGlyph
from ui.widgets.labels import ElidedLabel, Label


class Popover(Floating):
    """Stands above a button of the status bar; emits `closed`.

    Args:
        themes: where the theme comes from.
        anchor: the button; it has the focus again afterwards.
        window: what it floats over.
    """

    closed = Signal()

    def __init__(self, themes: ThemeSource, anchor: QWidget, window: QWidget) -> None:
        super().__init__(themes, parent=window)
        self._anchor, self._window, self._themes = anchor, window, themes
        self._open = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedWidth(themes.theme.scaled(themes.theme.size("popover")) + 2 * SHADOW_PX)

    def open(self) -> None:
        """Show it over its anchor, with the focus inside."""
        self._open = True
        self.adjustSize()
        self.place()
        self.show()
        self.raise_()
        fade_in(self, self._themes.theme.motion_ms("popover"))
        first = next(
            (w for w in self.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus), self
        )
        first.setFocus(Qt.FocusReason.PopupFocusReason)
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def place(self) -> None:
        """Stand above the anchor, inside the window."""
        window = self._window
        at = self._anchor.mapTo(window, QPoint(0, 0))
        x = max(-SHADOW_PX + 8, min(at.x() - SHADOW_PX, window.width() - self.width() + SHADOW_PX - 8))
        self.move(x, at.y() - self.height() + SHADOW_PX + SHADOW_DOWN_PX - 6)

    def close_now(self) -> None:
        """Go away."""
        if not self._open:
            return
        self._open = False
        application = QApplication.instance()
        if application is not None:
            application.removeEventFilter(self)
        back = self.isAncestorOf(QApplication.focusWidget() or self) or QApplication.focusWidget() is self
        self.hide()
        if back and self._anchor.isVisible():
            self._anchor.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()
        self.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_now()
            return
        super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A click beside it closes it."""
        if self._open and event.type() == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            inside = self.rect().contains(self.mapFromGlobal(event.globalPosition().toPoint()))
            if not inside and isinstance(watched, QWidget):
                self.close_now()
        return False


class CapabilityPopover(Popover):
    """State, cause and ways out of one capability."""

    def __init__(
        self,
        capability: CapabilityState,
        actions: Sequence[CardAction],
        themes: ThemeSource,
        anchor: QWidget,
        window: QWidget,
    ) -> None:
        super().__init__(themes, anchor, window)
        title = status_words.title_of(capability)
        self.setAccessibleName(title)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(StateGlyph(str(capability.state), themes))
        head.addWidget(ElidedLabel(title, themes, "strong"), 1)
        head.addWidget(Label(status_words.since_of(capability.since), themes, "caption", "text3"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        if capability.reason:
            layout.addWidget(Label(capability.reason, themes, tone="text2", wrap=True, selectable=True))
        facts = QGridLayout()
        facts.setHorizontalSpacing(12)
        facts.setVerticalSpacing(2)
        facts.setColumnStretch(1, 1)
        for row, (key, value) in enumerate(
            (("Provider", capability.provider), ("Serves", capability.product))
        ):
            if value:
                facts.addWidget(Label(key, themes, "caption", "text3"), row, 0)
                facts.addWidget(ElidedLabel(value, themes), row, 1)
        layout.addLayout(facts)
        if actions:
            layout.addLayout(buttons_of(actions, themes, primary=False, before=self.close_now))
