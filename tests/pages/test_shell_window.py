"""The window: pages, rail, status bar, notifications, and what floats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.shell.shell import Shell
from ui.shell.values import MemoryStore, Notification, PageEntry
from ui.theme import ThemeSource, apply_theme, load_tokens

CONTROL = Qt.KeyboardModifier.ControlModifier


def page() -> QWidget:
    widget = QWidget()
    QVBoxLayout(widget).addWidget(QLineEdit())
    return widget


def capability(name: str, state: str, product: str = "", reason: str = "") -> SimpleNamespace:
    since = datetime.now().astimezone()
    return SimpleNamespace(
        name=name, state=state, provider="embedded", product=product, reason=reason, since=since
    )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def built() -> list[str]:
    return []


@pytest.fixture
def shell(qtbot: QtBot, qapp: QApplication, store: MemoryStore, built: list[str]) -> Iterator[Shell]:
    themes = ThemeSource(load_tokens(), "light")
    apply_theme(qapp, themes.theme)
    window = Shell(themes, store)
    for key, title, keys, low in (
        ("chat", "Chat", "Ctrl+1", False),
        ("settings", "Settings", "Ctrl+,", True),
    ):
        factory = lambda key=key: (built.append(key), page())[1]  # noqa: E731
        window.add_page(PageEntry(key, title, "settings", keys, factory, low))
    window.show_first_page()
    with qtbot.waitExposed(window):
        window.show()
    yield window
    for toast in window.notifications.toasts():
        toast.close_now()
    window.band.back()
    window.allow_close()
    window.close()
    window.deleteLater()


def test_pages_are_built_when_they_are_shown(shell: Shell, built: list[str], qtbot: QtBot) -> None:
    assert built == ["chat"]
    qtbot.keyClick(shell, Qt.Key.Key_Comma, CONTROL)
    qtbot.keyClick(shell, Qt.Key.Key_1, CONTROL)
    qtbot.keyClick(shell, Qt.Key.Key_Comma, CONTROL)
    assert built == ["chat", "settings"]
    assert shell.windowTitle() == "Settings – SutazAI"


def test_the_last_page_and_the_rail_are_kept(shell: Shell, store: MemoryStore, qtbot: QtBot) -> None:
    shell.show_page("settings")
    was = shell.rail.is_open
    qtbot.keyClick(shell, Qt.Key.Key_B, CONTROL)
    assert shell.rail.is_open is not was
    assert store.get("window.page") == "settings"
    assert store.get("window.rail_open") is not was


def test_the_rail_is_closed_in_a_narrow_window(shell: Shell) -> None:
    shell.resize(1280, 800)
    assert (shell.rail.is_open, shell.rail.width()) == (True, 176)
    shell.resize(1000, 700)
    assert (shell.rail.is_open, shell.rail.width()) == (False, 48)


def test_closing_is_asked_first(shell: Shell, store: MemoryStore, qtbot: QtBot) -> None:
    with qtbot.waitSignal(shell.closing):
        shell.close()
    assert shell.isVisible()
    assert isinstance(store.get("window.geometry"), str)


def test_capabilities_stand_in_order_and_say_why(shell: Shell, qtbot: QtBot) -> None:
    shell.show_capabilities(
        [
            capability("events", "degraded", "in-process", "It refused"),
            capability("model", "ok", "SmolLM2 135M"),
        ]
    )
    model, events = shell.status_bar.item("model"), shell.status_bar.item("events")
    assert model is not None
    assert events is not None
    assert "SmolLM2 135M" in model.accessibleName()
    assert "It refused" in events.toolTip()
    events.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(events, Qt.Key.Key_Space)
    assert shell.esc.press()
    assert not shell.esc.press()


def test_three_toasts_at_most_and_all_in_the_history(shell: Shell) -> None:
    for number in range(5):
        shell.notify(Notification("ok", f"Done {number}"))
    assert len(shell.notifications.toasts()) == 3
    assert shell.notifications.history()[0].title == "Done 4"
    assert "5 unread" in shell.status_bar.bell.accessibleName()
    shell.status_bar.bell.click()
    assert shell.status_bar.bell.accessibleName() == "Notifications"
    shell.esc.press()


def test_f6_goes_round_the_regions(shell: Shell, qtbot: QtBot) -> None:
    shell.activateWindow()
    qtbot.waitUntil(shell.isActiveWindow)
    shell.show_capabilities([capability("model", "ok")])
    shell.rail.focus_current()
    seen = []
    for _ in range(3):
        shell.next_region()
        focused = QApplication.focusWidget()
        seen.append(type(focused).__name__)
    assert seen == ["QLineEdit", "StatusItem", "RailItem"]


def test_palette_opens_runs_and_closes(shell: Shell, qtbot: QtBot) -> None:
    qtbot.keyClick(shell, Qt.Key.Key_K, CONTROL)
    qtbot.keyClicks(shell.palette_overlay.query(), "go set")
    qtbot.keyClick(shell.palette_overlay.query(), Qt.Key.Key_Return)
    assert shell.current_page == "settings"
    assert not shell.palette_overlay.isVisible()


def test_the_band_comes_and_goes(shell: Shell, qtbot: QtBot) -> None:
    shell.band.lost("Connection to the backend lost, trying again in 3 s")
    assert shell.band.isVisible()
    with qtbot.waitSignal(shell.retry_pressed):
        shell.band.pressed.emit("Try now")
    shell.band.back()
    assert not shell.band.isVisible()


def test_every_button_has_a_name(shell: Shell) -> None:
    shell.show_capabilities([capability("model", "ok")])
    buttons = [w for w in shell.findChildren(QWidget) if w.metaObject().indexOfSignal("clicked(bool)") >= 0]
    assert buttons
    nameless = [b for b in buttons if not (b.accessibleName() or b.property("text"))]
    assert [b for b in nameless if not isinstance(b.parent(), QLineEdit)] == []


def test_the_shell_imports_nothing_heavy() -> None:
    heavy = ("httpx", "pydantic", "pygments", "asyncio")
    code = f"import sys, ui.shell.shell; print([m for m in {heavy} if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Closing(QLineEdit):
    """A field that takes Esc itself while it has a text."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)


def test_esc_is_for_what_has_the_keyboard_first(shell: Shell, qtbot: QtBot) -> None:
    pressed: list[int] = []

    def handler() -> bool:
        pressed.append(1)
        return True

    shell.esc.add(handler)
    field = Closing(shell.centralWidget())
    field.setText("words")
    field.show()
    shell.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    window = shell.windowHandle()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert (field.text(), pressed) == ("", [])
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert pressed == [1]
