"""Toasts and popovers come in softly and are read out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QGraphicsOpacityEffect, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from ui.shell import notifications as module
from ui.shell.notifications import HistoryPopover, Notifications
from ui.shell.values import Notification
from ui.theme import ThemeSource, load_tokens

SAID = Notification(
    "down", "The model runner stopped", "It ended by signal 9.", at=datetime(2026, 3, 2, tzinfo=UTC)
)


class Ear:
    """Stands in for the assistive tools that listen."""

    AnnouncementPoliteness = QAccessible.AnnouncementPoliteness

    def __init__(self, active: bool = True) -> None:
        self.active = active
        self.heard: list[tuple[str, QAccessible.AnnouncementPoliteness]] = []

    def isActive(self) -> bool:  # noqa: N802
        return self.active

    def updateAccessibility(self, event: QAccessibleAnnouncementEvent) -> None:  # noqa: N802
        self.heard.append((event.message(), event.politeness()))


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    window.resize(800, 600)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


def close_all(notifications: Notifications) -> None:
    for toast in notifications.toasts():
        toast.close_now()


def opacity_of(widget: QWidget) -> float:
    effect = widget.graphicsEffect()
    return effect.opacity() if isinstance(effect, QGraphicsOpacityEffect) and effect.isEnabled() else 1.0


def test_a_toast_is_read_out(window: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear()
    monkeypatch.setattr(module, "QAccessible", ear)
    notifications = Notifications(ThemeSource(load_tokens(), "light"), window, lambda: 26)
    notifications.notify(SAID)
    notifications.notify(Notification("ok", "Chat deleted", at=SAID.at))
    notifications.notify(SAID, seen=True)
    politeness = QAccessible.AnnouncementPoliteness
    assert ear.heard == [
        ("The model runner stopped. It ended by signal 9", politeness.Assertive),
        ("Chat deleted", politeness.Polite),
    ]
    close_all(notifications)


def test_nothing_is_said_when_nobody_listens(window: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(active=False)
    monkeypatch.setattr(module, "QAccessible", ear)
    notifications = Notifications(ThemeSource(load_tokens(), "light"), window, lambda: 26)
    notifications.notify(SAID)
    assert ear.heard == []
    close_all(notifications)


def test_a_toast_comes_in_within_150_ms_or_at_once(window: QWidget, qtbot: QtBot) -> None:
    themes = ThemeSource(load_tokens(), "light")
    notifications = Notifications(themes, window, lambda: 26)
    notifications.notify(SAID)
    (toast,) = notifications.toasts()
    assert opacity_of(toast) < 1
    assert 0 < themes.theme.motion_ms("toast") <= 150
    qtbot.waitUntil(lambda: opacity_of(toast) == 1)
    close_all(notifications)
    themes.choose(reduced_motion=True)
    notifications.notify(SAID)
    assert opacity_of(notifications.toasts()[0]) == 1
    close_all(notifications)


def test_a_popover_comes_in_and_can_go_before_it_is_there(window: QWidget, qtbot: QtBot) -> None:
    themes = ThemeSource(load_tokens(), "light")
    anchor = QPushButton("Bell", window)
    anchor.move(300, 560)
    anchor.show()
    notifications = Notifications(themes, window, lambda: 26)
    popover = HistoryPopover(notifications, themes, anchor, window)
    popover.open()
    assert opacity_of(popover) < 1
    assert 0 < themes.theme.motion_ms("popover") <= 150
    with qtbot.waitSignal(popover.destroyed):
        popover.close_now()
    themes.choose(reduced_motion=True)
    popover = HistoryPopover(notifications, themes, anchor, window)
    popover.open()
    assert opacity_of(popover) == 1
    popover.close_now()
