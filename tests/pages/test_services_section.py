"""The Services section: choosing, testing in place, and moving the data."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import scripted_overview as content
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scripted_backend import ScriptedBackend
from window_stage import button, shows

from backend_embedded.contract.data import JobState
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import CapabilityChanged
from ui.settings.page import SettingsPage
from ui.settings.presenter import SettingsPresenter
from ui.theme import ThemeSource, apply_theme, load_tokens

REDIS = "redis://127.0.0.1:6379"


class FixedLooks:
    value = SimpleNamespace(theme="light", text_percent=100, reduced_motion=False)

    def change(self, **fields: Any) -> None:
        raise AssertionError(fields)


class Desk:
    def __init__(self, qtbot: QtBot, application: QApplication) -> None:
        self.backend = ScriptedBackend()
        themes = ThemeSource(load_tokens(), "light")
        apply_theme(application, themes.theme)
        self.presenter = SettingsPresenter(self.backend, FixedLooks(), lambda _: None, services=self.backend)
        self.page = SettingsPage(self.presenter, themes)
        qtbot.addWidget(self.page)
        self.page.resize(1104, 774)
        self.page.show()
        self.presenter.event_arrived(self.backend.snapshot())
        self.page.show_section("services")
        self.section = self.page.services

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(5):
            while not holds():
                QApplication.processEvents()
                await asyncio.sleep(0)


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication) -> Desk:
    return Desk(qtbot, qapp)


async def test_a_choice_and_an_address_are_taken_at_once(desk: Desk) -> None:
    cache = desk.section.cache
    assert not cache.field.isEnabled()
    assert not cache.test.isEnabled()
    cache.choice.setCurrentIndex(1)
    cache.choice.activated.emit(1)
    await desk.until(lambda: desk.backend.kept.cache == "embedded")
    cache.choice.setCurrentIndex(2)
    cache.choice.activated.emit(2)
    assert cache.field.isEnabled()
    QTest.keyClicks(cache.field, REDIS)
    QTest.keyClick(cache.field, Qt.Key.Key_Return)
    await desk.until(lambda: desk.backend.kept.cache == REDIS)
    await desk.until(lambda: cache.choice.currentText() == "Address" and cache.field.text() == REDIS)


async def test_what_is_no_address_is_refused_beside_the_field(desk: Desk) -> None:
    await desk.presenter.change("queue", "http://127.0.0.1")
    assert shows(desk.section, "Type an address such as amqp://")
    assert desk.backend.kept.queue == "auto"


async def test_test_answers_in_place_until_another_address_is_typed(desk: Desk) -> None:
    await desk.presenter.change("cache", REDIS)
    cache = desk.section.cache
    cache.test.click()
    await desk.until(lambda: shows(desk.section, "Redis 8.0.2 answers in 0.4 ms"))
    assert cache.glyph.state == "ok"
    assert cache.answer.accessibleName() == "Test: Redis 8.0.2 answers in 0.4 ms"
    refused = ErrorBody(code=ErrorCode.CACHE_UNAVAILABLE, message="Nobody listens there.")
    desk.backend.refuse(refused, "test_service")
    cache.test.click()
    await desk.until(lambda: shows(desk.section, "Nobody listens there."))
    assert cache.glyph.state == "down"
    cache.field.setFocus()
    QTest.keyClicks(cache.field, "1")
    assert not shows(desk.section, "Nobody listens there.")
    QTest.keyClick(cache.field, Qt.Key.Key_Escape)
    assert cache.field.text() == REDIS


async def test_what_serves_now_is_followed(desk: Desk) -> None:
    desk.presenter.event_arrived(CapabilityChanged(capability=content.DEGRADED))
    row = desk.section.rows_of["queue"]
    assert row.glyph.state == "degraded"
    assert content.DEGRADED.reason in row.caption.text()


async def test_the_data_is_moved_with_progress_and_can_be_cancelled(desk: Desk) -> None:
    assert not desk.section.move_button.isEnabled()
    desk.section.database.field.setText("postgresql://host/name")
    desk.section.move_button.click()
    await desk.until(lambda: shows(desk.section, "41,200 of 100,000 rows"))
    assert not desk.section.move_button.isEnabled()
    found = button(desk.section, "Cancel Moving the data")
    assert found is not None
    found.click()
    await desk.until(lambda: shows(desk.section, "nothing was changed"))
    assert desk.backend.job.state is JobState.CANCELLED
    assert not desk.section.job.isVisible()
    await desk.presenter.close()


async def test_what_the_database_holds_is_replaced_only_when_asked(desk: Desk) -> None:
    conflict = ErrorBody(code=ErrorCode.CONFLICT, message="It holds data.", details={"rows": 1_234})
    failed = {"state": JobState.FAILED, "error": conflict}
    desk.backend.job = desk.backend.job.model_copy(update=failed)
    database = desk.section.database
    database.field.setText("postgresql://host/name")
    desk.section.move_button.click()
    question = desk.section.replace
    await desk.until(question.isVisible)
    assert "Its 1,234 rows are removed for good" in question.line.text()
    assert desk.section.outcome.isHidden()
    QTest.keyClick(question.keep, Qt.Key.Key_Escape)
    assert question.isHidden()
    desk.section.move_button.click()
    await desk.until(question.isVisible)
    database.field.setText("postgresql://elsewhere/name")
    done = {"state": JobState.DONE, "error": None, "target": "postgresql://host/name"}
    desk.backend.job = desk.backend.job.model_copy(update=done)
    question.yes.click()
    await desk.until(lambda: shows(desk.section, "All data was moved to postgresql://host/name"))
    asked = [(one.url, one.replace) for call, one in desk.backend.asked if call == "move_data"]
    assert asked == [("postgresql://host/name", replace) for replace in (False, False, True)]
    assert question.isHidden()
    await desk.presenter.close()


async def test_with_postgresql_it_is_moved_back(desk: Desk) -> None:
    desk.backend.kept = desk.backend.kept.model_copy(update={"database_url": "postgresql://host/name"})
    desk.presenter.event_arrived(desk.backend.snapshot())
    assert desk.section.move_button.text() == "Move back"
    desk.section.move_button.click()
    await desk.until(lambda: ("move_data_back", None) in desk.backend.asked)
    await desk.presenter.close()


async def test_without_the_backend_nothing_can_be_changed(desk: Desk) -> None:
    desk.presenter.connection_changed(False)
    assert not desk.section.cache.isEnabled()
    assert not desk.section.database.isEnabled()
    assert not desk.section.move_button.isEnabled()
