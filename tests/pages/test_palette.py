"""The command palette and the shortcut sheet, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.shell.actions import Action, ActionTable
from ui.shell.palette import CommandPalette
from ui.shell.shortcut_sheet import ShortcutSheet
from ui.shell.shortcuts import Shortcuts
from ui.theme import ThemeSource, load_tokens


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def table(done: list[str]) -> ActionTable:
    actions = ActionTable()
    for name, keys in (
        ("New chat", "Ctrl+N"),
        ("Rename chat", "F2"),
        ("Stop answer", ""),
        ("Open settings", ""),
    ):
        actions.add(Action(name, name, lambda name=name: done.append(name), shortcut=keys, icon="plus"))
    return actions


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.addWidget(QLineEdit())
    widget.resize(1000, 700)
    with qtbot.waitExposed(widget):
        widget.show()
    yield widget
    widget.close()
    widget.deleteLater()


@pytest.fixture
def palette(qapp: object, table: ActionTable, window: QWidget) -> CommandPalette:
    themes = ThemeSource(load_tokens(), "light", parent=window)
    return CommandPalette(table, themes, window, lambda: ("chat", "Chat"))


def test_letters_find_and_enter_does(palette: CommandPalette, done: list[str], qtbot: QtBot) -> None:
    palette.open()
    qtbot.keyClicks(palette.query(), "ren")
    assert palette.titles()[0] == "Rename chat"
    qtbot.keyClick(palette.query(), Qt.Key.Key_Return)
    assert done == ["Rename chat"]
    assert not palette.isVisible()


def test_arrows_go_round_and_pass_over_headings(
    palette: CommandPalette, done: list[str], qtbot: QtBot
) -> None:
    palette.open()
    qtbot.keyClick(palette.query(), Qt.Key.Key_Up)
    qtbot.keyClick(palette.query(), Qt.Key.Key_Return)
    assert done == ["Open settings"]


def test_empty_query_shows_last_used_first(palette: CommandPalette, table: ActionTable) -> None:
    table.run(table.fixed()[2])
    palette.open()
    assert palette.titles()[0] == "Stop answer"


def test_escape_closes_and_gives_the_focus_back(
    palette: CommandPalette, window: QWidget, qtbot: QtBot
) -> None:
    field = window.findChild(QLineEdit)
    assert field is not None
    field.setFocus()
    palette.open()
    assert palette.query().hasFocus()
    qtbot.keyClick(palette.query(), Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert field.hasFocus()


def test_no_match_says_so(palette: CommandPalette, qtbot: QtBot) -> None:
    palette.open()
    qtbot.keyClicks(palette.query(), "zzz")
    assert palette.titles() == []


def test_sheet_lists_what_has_keys(table: ActionTable, window: QWidget) -> None:
    themes = ThemeSource(load_tokens(), "dark", parent=window)
    sheet = ShortcutSheet(table, themes, window, lambda: ("chat", "Chat"), lambda: {"chat": "Chat"})
    sheet.open()
    names = {child.accessibleName() for child in sheet.findChildren(QWidget)}
    assert {"Ctrl+N", "F2"} <= names


def test_keys_do_what_the_table_says(
    table: ActionTable, window: QWidget, done: list[str], qtbot: QtBot
) -> None:
    Shortcuts(table, window, lambda: "chat")
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert done == ["New chat"]


def test_the_palette_does_not_offer_itself(palette: CommandPalette, table: ActionTable, qtbot: QtBot) -> None:
    table.add(Action("shell.palette", "Search commands", lambda: None, shortcut="Ctrl+K", icon="search"))
    palette.open()
    qtbot.keyClicks(palette.query(), "comm")
    assert "Search commands" not in palette.titles()
