"""The magnifying glass and the text of a search field belong together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QApplication, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.theme import ThemeSource, apply_theme, load_tokens
from ui.widgets import SearchField

GLASS_PX = 14


@pytest.fixture
def themes(qapp: QApplication) -> Iterator[ThemeSource]:
    source = ThemeSource(load_tokens(), "light")
    palette = qapp.palette()
    apply_theme(qapp, source.theme)
    yield source
    qapp.setStyleSheet("")
    qapp.setPalette(palette)


def gap_px(field: SearchField) -> float:
    """From the glass to the first letter."""
    glass = field.findChild(QToolButton)
    caret = field.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
    assert glass is not None
    assert isinstance(caret, QRect)
    return caret.center().x() - (glass.geometry().center().x() + GLASS_PX / 2)


def test_the_text_begins_beside_the_glass_with_the_keyboard_in_it_or_not(
    qtbot: QtBot, themes: ThemeSource
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    fields = SearchField("Search", themes), SearchField("Find", themes)
    for field in fields:
        column.addWidget(field)
    window.show()
    qtbot.waitUntil(window.isActiveWindow)
    fields[0].setFocus()
    gaps = [gap_px(field) for field in fields]
    assert all(6 <= gap <= 9 for gap in gaps), gaps
    assert gaps[0] == gaps[1]
