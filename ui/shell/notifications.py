"""Quiet notifications: toasts at the corner, and the history that the bell opens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date, datetime

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from ui.shell.popover import Popover
from ui.shell.values import Notification
from ui.theme import ThemeSource
from ui.widgets.buttons import GhostButton
from ui.widgets.fade import fade_in
from ui.widgets.floating import SHADOW_DOWN_PX, SHADOW_PX
from ui.widgets.glyphs import StateGlyph
from ui.widgets.labels import ElidedLabel, Label
from ui.widgets.toast import Toast

MOST_TOASTS = 3
KEPT = 200
HISTORY_PX = 320
LEFT_PX, RIGHT_PX = 16, 8
SIDES_PX = LEFT_PX + RIGHT_PX


class Notifications(QObject):
    """Shows toasts over a window and keeps what was said; emits `unread_changed(count)`.

    Args:
        themes: where the theme comes from.
        window: what the toasts float over.
        bottom_px: gives the height of what must stay free below them.
    """

    unread_changed = Signal(int)

    def __init__(self, themes: ThemeSource, window: QWidget, bottom_px: Callable[[], int]) -> None:
        super().__init__(window)
        self._themes, self._window, self._bottom_px = themes, window, bottom_px
        self._toasts: list[Toast] = []
        self._history: deque[Notification] = deque(maxlen=KEPT)
        self._unread = 0

    def notify(self, notification: Notification, *, seen: bool = False) -> None:
        """Show a toast and keep it in the history; one that was seen happen is only kept."""
        self._history.appendleft(notification)
        if seen:
            return
        self._set_unread(self._unread + 1)
        if len(self._toasts) >= MOST_TOASTS:
            self._toasts[0].close_now()
        toast = Toast(
            notification.state,
            notification.title,
            notification.text,
            f"{notification.at:%H:%M}",
            self._themes,
            notification.actions,
            parent=self._window,
        )
        toast.closed.connect(lambda: self._remove(toast))
        self._toasts.append(toast)
        toast.adjustSize()
        toast.fit()
        toast.show()
        self.place()
        fade_in(toast, self._themes.theme.motion_ms("toast"))
        toast.start()
        self._announce(notification)

    def toasts(self) -> list[Toast]:
        """Those on the screen, oldest first."""
        return list(self._toasts)

    def history(self) -> list[Notification]:
        """What was said, newest first."""
        return list(self._history)

    def clear(self) -> None:
        """Forget the history."""
        self._history.clear()
        self._set_unread(0)

    def read(self) -> None:
        """All of it has been seen."""
        self._set_unread(0)

    def place(self) -> None:
        """Stack the toasts at the corner, newest below."""
        right = self._window.width() - 12 + SHADOW_PX
        bottom = self._window.height() - self._bottom_px() - 12 + SHADOW_PX + SHADOW_DOWN_PX
        for toast in reversed(self._toasts):
            toast.move(right - toast.width(), bottom - toast.height())
            toast.raise_()
            bottom -= toast.height() - 2 * SHADOW_PX - SHADOW_DOWN_PX + 8

    def _announce(self, notification: Notification) -> None:
        """Have it read out; a toast never has the focus. What is down interrupts, all else waits its turn."""
        if not QAccessible.isActive():
            return
        said = ". ".join(part.rstrip(".") for part in (notification.title, notification.text) if part)
        event = QAccessibleAnnouncementEvent(self._window, said)
        politeness = QAccessible.AnnouncementPoliteness
        event.setPoliteness(politeness.Assertive if notification.state == "down" else politeness.Polite)
        QAccessible.updateAccessibility(event)

    def _remove(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            toast.hide()
            toast.deleteLater()
            self.place()

    def _set_unread(self, count: int) -> None:
        self._unread = count
        self.unread_changed.emit(count)


def day_of(moment: datetime, today: date) -> str:
    """`Today`, `Yesterday`, or the date."""
    days = (today - moment.date()).days
    if days in (0, 1):
        return ("Today", "Yesterday")[days]
    return f"{moment.date():%Y-%m-%d}"


class HistoryPopover(Popover):
    """What was said, by day, newest first."""

    def __init__(
        self, notifications: Notifications, themes: ThemeSource, anchor: QWidget, window: QWidget
    ) -> None:
        super().__init__(themes, anchor, window)
        self.setAccessibleName("Notifications")
        self._themes = themes
        said = notifications.history()
        head = QHBoxLayout()
        head.addWidget(Label("Notifications", themes, "cardTitle"))
        head.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(LEFT_PX, 8, RIGHT_PX, 12)
        layout.setSpacing(6)
        layout.addLayout(head)
        if not said:
            layout.addWidget(Label("Nothing has happened yet.", themes, tone="text2"))
            return
        clear = GhostButton("Clear all", themes, small=True)
        clear.clicked.connect(lambda _=False: notifications.clear())
        clear.clicked.connect(lambda _=False: self.close_now())
        head.addWidget(clear)
        layout.addWidget(self._list(said))

    def _list(self, said: list[Notification]) -> QScrollArea:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        day = ""
        for one in said:
            its_day = day_of(one.at, datetime.now(one.at.tzinfo).date())
            if its_day != day:
                day = its_day
                column.addWidget(Label(day, self._themes, "label", "text3"))
            column.addLayout(self._row(one))
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        inner.setAutoFillBackground(False)
        area.viewport().setAutoFillBackground(False)
        width = self.width() - 2 * SHADOW_PX - SIDES_PX
        area.setFixedHeight(min(HISTORY_PX, column.totalHeightForWidth(width) + 2))
        return area

    def _row(self, one: Notification) -> QVBoxLayout:
        glyph = StateGlyph(one.state, self._themes)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(glyph)
        head.addWidget(ElidedLabel(one.title, self._themes, "control"), 1)
        head.addWidget(Label(f"{one.at:%H:%M}", self._themes, "caption", "text3", numbers=True))
        row = QVBoxLayout()
        row.setSpacing(0)
        row.addLayout(head)
        if one.text:
            text = Label(one.text, self._themes, "caption", "text2", wrap=True)
            text.setContentsMargins(glyph.minimumWidth() + head.spacing(), 0, 0, 0)
            row.addWidget(text)
        return row
