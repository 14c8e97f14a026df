"""The check box, by mouse and keyboard, in both themes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.theme import ThemeSource, load_tokens
from ui.widgets import CheckBox


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    return window


def shown(window: QWidget, themes: ThemeSource) -> tuple[CheckBox, CheckBox]:
    layout = QVBoxLayout(window)
    one, other = CheckBox("Keep a copy", themes), CheckBox("", themes, "Keep another")
    layout.addWidget(one)
    layout.addWidget(other)
    window.show()
    window.activateWindow()
    return one, other


def color_in_box(box: CheckBox, at: QPoint) -> QColor:
    picture = box.grab().toImage()
    place = (box.box_rect().topLeft() + at) * picture.devicePixelRatio()
    return picture.pixelColor(place)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_drawn_with_the_tokens(window: QWidget, theme: str) -> None:
    themes = ThemeSource(load_tokens(), theme)
    box, _ = shown(window, themes)
    inside, edge = QPoint(3, 3), QPoint(8, 0)
    assert color_in_box(box, inside) == themes.theme.color("input")
    assert color_in_box(box, edge) == themes.theme.color("control")
    box.setChecked(True)
    assert color_in_box(box, inside) == themes.theme.color("accent")
    box.setEnabled(False)
    assert color_in_box(box, inside) == themes.theme.color("border")


def test_the_other_theme_is_followed(window: QWidget) -> None:
    themes = ThemeSource(load_tokens(), "light")
    box, _ = shown(window, themes)
    themes.choose("dark")
    assert color_in_box(box, QPoint(3, 3)) == themes.theme.color("input")


def test_space_and_the_words_tick_it(window: QWidget) -> None:
    box, _ = shown(window, ThemeSource(load_tokens(), "light"))
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert box.isChecked()
    QTest.mouseClick(
        box, Qt.MouseButton.LeftButton, pos=QPoint(box.sizeHint().width() - 4, box.height() // 2)
    )
    assert not box.isChecked()


def test_the_ring_is_for_the_keyboard_only(window: QWidget, qtbot: QtBot) -> None:
    themes = ThemeSource(load_tokens(), "light")
    box, other = shown(window, themes)
    qtbot.waitUntil(window.isActiveWindow)
    ring = QPoint(8, -3)
    box.setFocus(Qt.FocusReason.MouseFocusReason)
    assert color_in_box(box, ring) != themes.theme.color("accent")
    other.setFocus()
    box.setFocus(Qt.FocusReason.TabFocusReason)
    assert color_in_box(box, ring) == themes.theme.color("accent")


def test_it_can_be_named_and_hit(window: QWidget) -> None:
    box, other = shown(window, ThemeSource(load_tokens(), "light"))
    assert box.accessibleName() == "Keep a copy"
    assert other.accessibleName() == "Keep another"
    assert min(other.sizeHint().width(), other.sizeHint().height()) >= 24
