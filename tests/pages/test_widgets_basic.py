"""Widgets of the design: heights, names, focus, and what they emit."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui.theme import ThemeSource, apply_theme, load_tokens
from ui.widgets import (
    Banner,
    BusyRing,
    Choice,
    ElidedLabel,
    ErrorCard,
    Field,
    IconButton,
    JobCard,
    PageHeader,
    PrimaryButton,
    SecondaryButton,
    Segmented,
    StateGlyph,
    Switch,
    Toast,
)
from ui.widgets.chip import keys_of


@pytest.fixture
def themes(qapp: QApplication) -> ThemeSource:
    source = ThemeSource(load_tokens(), "light")
    apply_theme(qapp, source.theme)
    return source


def test_controls_have_the_designed_heights(qtbot: QtBot, themes: ThemeSource) -> None:
    small = SecondaryButton("Go", themes, small=True)
    field = Field("Path", themes)
    qtbot.addWidget(field)
    for widget, height in (
        (PrimaryButton("Go", themes, "plus"), 28),
        (small, 24),
        (Segmented("Range", [(1, "Day"), (2, "Week")], themes), 28),
        (Choice("Model", [(1, "One")], themes), 28),
        (field.edit, 28),
        (PageHeader("Chat", themes), 48),
        (Banner(themes), 40),
    ):
        qtbot.addWidget(widget)
        assert widget.sizeHint().height() == height or widget.height() == height, widget


def test_an_icon_button_needs_a_name(qtbot: QtBot, themes: ThemeSource) -> None:
    with pytest.raises(ValueError, match="name"):
        IconButton("x", "", themes)
    button = IconButton("x", "Close", themes, shortcut="Esc")
    qtbot.addWidget(button)
    assert button.accessibleName() == "Close"
    assert "Esc" in button.toolTip()


@pytest.mark.parametrize(
    ("reason", "ringed"),
    [
        (Qt.FocusReason.TabFocusReason, True),
        (Qt.FocusReason.ShortcutFocusReason, True),
        (Qt.FocusReason.MouseFocusReason, False),
    ],
)
def test_the_ring_is_for_the_keyboard(
    qtbot: QtBot, themes: ThemeSource, reason: Qt.FocusReason, ringed: bool
) -> None:
    button = IconButton("x", "Close", themes)
    qtbot.addWidget(button)
    before = button.grab().toImage()
    button.focusInEvent(QFocusEvent(QFocusEvent.Type.FocusIn, reason))
    assert (button.grab().toImage() != before) is ringed


def test_segments_by_key_and_mouse(qtbot: QtBot, themes: ThemeSource) -> None:
    segments = Segmented("Theme", [("light", "Light"), ("dark", "Dark"), ("system", "System")], themes)
    qtbot.addWidget(segments)
    taken: list[object] = []
    segments.chosen.connect(taken.append)
    qtbot.keyClick(segments, Qt.Key.Key_Right)
    place = segments.segment_rects()[2].center().toPoint()
    qtbot.mouseClick(segments, Qt.MouseButton.LeftButton, pos=place)
    segments.choose("light")
    assert taken == ["dark", "system"]
    assert segments.accessibleName() == "Theme: Light"


def test_switch_by_space(qtbot: QtBot, themes: ThemeSource) -> None:
    switch = Switch("Reduced motion", themes)
    qtbot.addWidget(switch)
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert switch.isChecked()


def test_a_choice_keeps_its_value_when_options_change(qtbot: QtBot, themes: ThemeSource) -> None:
    choice = Choice("Model", [("a", "A"), ("b", "B")], themes)
    qtbot.addWidget(choice)
    choice.choose("b")
    choice.set_options([("b", "B"), ("c", "C")])
    assert choice.currentData() == "b"


def test_a_field_says_its_error(qtbot: QtBot, themes: ThemeSource) -> None:
    field = Field("Models folder", themes)
    qtbot.addWidget(field)
    field.set_error("There is no such folder")
    assert not field.error.isHidden()
    assert field.edit.accessibleDescription() == "There is no such folder"
    field.set_error("")
    assert field.error.isHidden()


def test_an_error_card_s_first_action_is_the_main_one(qtbot: QtBot, themes: ThemeSource) -> None:
    done: list[str] = []
    actions = [("Continue", lambda: done.append("c")), ("Ask again", lambda: done.append("a"))]
    card = ErrorCard("It stopped", ["Because.", "Kept."], actions, themes)
    qtbot.addWidget(card)
    first = card.findChild(PrimaryButton)
    assert first is not None
    first.click()
    assert done == ["c"]
    assert card.accessibleDescription() == "Because. Kept."


def test_an_error_card_that_can_only_go_away_has_no_main_action(qtbot: QtBot, themes: ThemeSource) -> None:
    card = ErrorCard("It is not a model", ["Because."], [("Dismiss", lambda: None)], themes)
    qtbot.addWidget(card)
    assert card.findChild(PrimaryButton) is None


def test_a_job_can_be_cancelled(qtbot: QtBot, themes: ThemeSource) -> None:
    card = JobCard("Build llama.cpp", themes)
    qtbot.addWidget(card)
    card.show_progress(0.5, "103 of 206 steps")
    with qtbot.waitSignal(card.cancelled):
        card.findChildren(IconButton)[1].click()


def test_long_text_is_cut_and_told_in_the_tooltip(qtbot: QtBot, themes: ThemeSource) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    label = ElidedLabel("word " * 40, themes)
    QVBoxLayout(window).addWidget(label)
    window.resize(200, 60)
    window.show()
    assert label.text().endswith("…")
    assert label.toolTip() == "word " * 40
    window.hide()


def test_a_toast_goes_by_itself_unless_it_is_an_error(qtbot: QtBot, themes: ThemeSource) -> None:
    toast = Toast("ok", "Done", "", "09:41", themes)
    failed = Toast("down", "Failed", "", "09:41", themes)
    for one in (toast, failed):
        qtbot.addWidget(one)
        one.start()
    assert toast._life.isActive()
    assert not failed._life.isActive()
    with qtbot.waitSignal(toast.closed):
        toast.close_now()


def test_a_busy_ring_turns_only_while_it_is_seen(qtbot: QtBot, themes: ThemeSource) -> None:
    ring = BusyRing("Writing", themes)
    qtbot.addWidget(ring)
    ring.show()
    assert ring._timer
    ring.hide()
    assert not ring._timer


@pytest.mark.parametrize("state", ["ok", "degraded", "down", "off"])
def test_each_state_has_a_shape(qtbot: QtBot, themes: ThemeSource, state: str) -> None:
    glyph = StateGlyph(state, themes)
    qtbot.addWidget(glyph)
    assert glyph.accessibleName() == state
    blank = StateGlyph("ok" if state != "ok" else "off", themes)
    qtbot.addWidget(blank)
    assert glyph.grab().toImage() != blank.grab().toImage()


def test_keys_of_a_shortcut() -> None:
    assert keys_of("Ctrl+Shift+F") == ("Ctrl", "Shift", "F")
    assert keys_of("Ctrl++") == ("Ctrl", "+")
