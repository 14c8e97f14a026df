"""What stands in an empty field can be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.chat.composer import Composer
from ui.theme import Theme, ThemeSource, apply_theme, load_tokens
from ui.widgets import SearchField


@pytest.fixture(params=["light", "dark"])
def themes(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[ThemeSource]:
    source = ThemeSource(load_tokens(), request.param)
    palette = qapp.palette()
    apply_theme(qapp, source.theme)
    yield source
    qapp.setStyleSheet("")
    qapp.setPalette(palette)


def placeholder_of(widget: QWidget, theme: Theme) -> str:
    """The token that a placeholder is drawn with; its colour where it is none."""
    color = widget.palette().color(QPalette.ColorRole.PlaceholderText)
    return next((token for token in ("text2", "text3") if theme.color(token) == color), color.name())


def test_placeholders_have_the_tone_of_captions_or_a_stronger_one_on_buttons(
    qtbot: QtBot, themes: ThemeSource
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    line, search, text = QLineEdit(), SearchField("Search", themes), QPlainTextEdit()
    choice, composer = QComboBox(), Composer(themes)
    for widget in (line, search, text, choice, composer):
        column.addWidget(widget)
    window.show()
    found = [placeholder_of(one, themes.theme) for one in (line, search, text, composer.edit)]
    assert found == ["text3"] * 4
    assert placeholder_of(choice, themes.theme) == "text2"
