"""What a header has no room for is in its menu, from the left; nothing is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.theme import ThemeSource, load_tokens
from ui.widgets import IconButton, PageHeader, SecondaryButton

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


class Head:
    """A header over nothing, with three actions."""

    def __init__(self, qtbot: QtBot) -> None:
        self.themes = ThemeSource(load_tokens(), "light")
        self.pane = QWidget()
        self.header = PageHeader("A title that is rather long for its place", self.themes)
        row = QHBoxLayout(self.pane)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.header)
        self.model = SecondaryButton("TinyLlama 1.1B   Q4_0", self.themes)
        self.share = IconButton("share", "Export this chat", self.themes)
        self.panel = IconButton("panel-right", "Settings of this chat", self.themes, checkable=True)
        for button in (self.model, self.share, self.panel):
            self.header.add_action(button)
        qtbot.addWidget(self.pane)
        self.pane.show()

    def at(self, width: int) -> None:
        self.pane.resize(width, 48)

    def in_sight(self) -> list[bool]:
        return [button.isVisible() for button in (self.model, self.share, self.panel)]

    def entries(self) -> list[str]:
        return [entry.text() for entry in self.header.action_row.menu().actions()]


@pytest.fixture
def head(qtbot: QtBot, qapp: QApplication) -> Head:
    return Head(qtbot)


def test_actions_leave_from_the_left_and_come_back(head: Head, qtbot: QtBot) -> None:
    head.at(640)
    qtbot.waitUntil(lambda: head.in_sight() == [True, True, True])
    assert not head.header.action_row.more.isVisible()
    head.at(300)
    qtbot.waitUntil(lambda: head.in_sight() == [False, True, True])
    assert head.entries() == ["TinyLlama 1.1B   Q4_0"]
    head.at(head.header.minimumSizeHint().width())
    qtbot.waitUntil(lambda: head.in_sight() == [False, False, False])
    assert head.entries()[1:] == ["Export this chat", "Settings of this chat"]
    head.at(640)
    qtbot.waitUntil(lambda: head.in_sight() == [True, True, True])


@pytest.mark.parametrize("width", range(200, 700, 37))
def test_nothing_is_cut_at_any_width(head: Head, qtbot: QtBot, width: int) -> None:
    head.at(width)
    actions = head.header.action_row
    qtbot.waitUntil(lambda: head.header.width() == width and actions.geometry().right() < width)
    shown = [one for one in (head.model, head.share, head.panel, actions.more) if one.isVisible()]
    assert shown
    for one in shown:
        left = one.mapTo(head.header, one.rect().topLeft()).x()
        assert one.width() >= min(one.sizeHint().width(), one.maximumWidth())
        assert left >= 0
        assert left + one.width() <= width
    assert head.header.title.geometry().right() < actions.geometry().left()


def test_a_menu_entry_does_what_its_button_does(head: Head, qtbot: QtBot) -> None:
    head.at(head.header.minimumSizeHint().width())
    qtbot.waitUntil(lambda: head.in_sight() == [False, False, False])
    head.panel.setChecked(True)
    head.share.setEnabled(False)
    menu = head.header.action_row.menu()
    pressed: list[str] = []
    head.model.clicked.connect(lambda: pressed.append("model"))
    model, share, panel = menu.actions()
    assert (share.isEnabled(), panel.isChecked()) == (False, True)
    model.trigger()
    assert pressed == ["model"]


def test_a_button_that_its_owner_hides_is_in_neither_place(head: Head, qtbot: QtBot) -> None:
    head.at(640)
    head.model.hide()
    qtbot.waitUntil(lambda: head.in_sight() == [False, True, True])
    assert head.entries() == []
    head.at(180)
    head.model.show()
    qtbot.waitUntil(lambda: "TinyLlama 1.1B   Q4_0" in head.entries())


def test_larger_text_makes_less_room(head: Head, qtbot: QtBot) -> None:
    head.at(430)
    qtbot.waitUntil(lambda: head.in_sight() == [True, True, True])
    head.themes.choose("light", 1.5)
    qtbot.waitUntil(lambda: not head.model.isVisible())
