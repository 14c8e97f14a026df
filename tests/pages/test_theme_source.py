"""Themes as Qt sees them: fonts, palette, icons, and how long a switch takes."""

from __future__ import annotations

import time

import pytest
from PySide6.QtGui import QFontInfo, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from ui.theme import Theme, ThemeSource, Tokens, apply_theme, load_fonts, load_tokens, theme_of
from ui.theme.icons import icon, pixmap
from ui.widgets import Label, PrimaryButton


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return load_tokens()


def test_fonts_are_the_bundled_ones(qapp: QApplication, tokens: Tokens) -> None:
    assert load_fonts() == []
    theme = theme_of(tokens, "light")
    assert QFontInfo(theme.font("body")).family() == "Inter"
    assert QFontInfo(theme.font("code")).family() == "JetBrains Mono"


def test_text_size_scales_fonts(tokens: Tokens, qapp: QApplication) -> None:
    assert theme_of(tokens, "light", 1.5).font("message").pixelSize() == 21
    assert theme_of(tokens, "light", 0.9).scaled(28) == 28


def test_palette_follows_the_theme(qapp: QApplication, tokens: Tokens) -> None:
    for name in ("dark", "light"):
        theme = theme_of(tokens, name)
        apply_theme(qapp, theme)
        assert qapp.palette().color(QPalette.ColorRole.Window) == theme.color("window")
        assert "$" not in qapp.styleSheet()
        assert "@" not in qapp.styleSheet()


def test_only_a_real_change_is_told(qapp: QApplication, tokens: Tokens) -> None:
    source = ThemeSource(tokens, "light")
    told: list[Theme] = []
    source.changed.connect(told.append)
    source.choose("light")
    source.choose("dark", reduced_motion=True)
    assert [theme.name for theme in told] == ["dark"]
    assert source.theme.motion_ms("drawer") == 0


def test_an_unknown_desktop_scheme_is_light(qapp: QApplication, tokens: Tokens) -> None:
    assert ThemeSource(tokens, "system").theme.name == "light"


def test_icons_have_the_token_s_colour_and_are_kept(qapp: QApplication, tokens: Tokens) -> None:
    theme = theme_of(tokens, "light")
    drawn = pixmap("square", "accent", 16, theme, 2.0)
    assert drawn.toImage().pixelColor(16, 16) == theme.color("accent")
    assert drawn.width() == 32
    assert pixmap("square", "accent", 16, theme, 2.0).cacheKey() == drawn.cacheKey()
    assert not icon("settings", "text2", 18, theme).isNull()


def test_a_switch_of_many_widgets_is_quick(qtbot: QtBot, qapp: QApplication, tokens: Tokens) -> None:
    source = ThemeSource(tokens, "light")
    window = QWidget()
    qtbot.addWidget(window)
    kept = [PrimaryButton("Go", source, "plus", parent=window) for _ in range(30)]
    kept_labels = [Label("Words", source, parent=window) for _ in range(60)]
    source.changed.connect(lambda theme: apply_theme(qapp, theme))
    apply_theme(qapp, source.theme)
    begun = time.process_time()
    source.choose("dark")
    assert time.process_time() - begun < 0.5
    assert len(kept) + len(kept_labels) == 90
