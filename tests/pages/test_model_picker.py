from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scripted_content import BROKEN, SMOL, TINY

from ui.chat.model_picker import ModelPicker, facts_of
from ui.theme import ThemeSource, apply_theme, load_tokens


def test_a_model_tells_its_measured_speed() -> None:
    assert facts_of(TINY) == "Q4_0 · 638 MB · 38.2 tok/s · llama.cpp"
    assert facts_of(SMOL) == "Q4_1 · 98.2 MB · llama.cpp"
    assert facts_of(BROKEN) == BROKEN.problem


def test_the_foot_of_the_list_leads_to_the_models_page(qtbot: QtBot, qapp: QApplication) -> None:
    themes = ThemeSource(load_tokens(), "light")
    apply_theme(qapp, themes.theme)
    picker = ModelPicker(themes)
    qtbot.addWidget(picker)
    picker.popover.open_at(QPoint(400, 10), (TINY, SMOL), TINY.name)
    assert picker.popover.manage.text() == "Manage models"
    with qtbot.waitSignal(picker.manage_wanted):
        qtbot.mouseClick(picker.popover.manage, Qt.MouseButton.LeftButton)
    assert not picker.popover.isVisible()
