"""Cards of the settings are equally wide with a scroll bar and without one."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from ui.settings.section import Section
from ui.theme import ThemeSource, load_tokens


def test_cards_keep_their_width_when_the_scroll_bar_comes(qtbot: QtBot) -> None:
    section = Section("one", "One", "About one.", ThemeSource(load_tokens(), "light"))
    qtbot.addWidget(section)
    card = section.add_card()
    section.resize(700, 800)
    section.show()
    qtbot.waitUntil(lambda: card.width() > 100)
    bar = section.scroller.verticalScrollBar()
    before = card.width()
    assert bar.maximum() == 0
    section.column.addSpacing(2_000)
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    qtbot.waitUntil(lambda: card.width() == before)
