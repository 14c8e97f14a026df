from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from scripted_backend import ScriptedBackend

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import EngineChanged, SettingsChanged
from backend_embedded.contract.models import BuildFailure, Engine, EngineState, Model
from backend_embedded.contract.settings import BackendSettings
from ui.settings.actions import settings_actions
from ui.settings.page import SettingsPage
from ui.settings.presenter import SettingsPresenter
from ui.settings.state import About, Appearance, Component
from ui.shell.actions import ActionTable
from ui.theme import ThemeSource, apply_theme, load_tokens

TINY = Model(name="tiny", title="TinyLlama", provider="llama.cpp", path="/t", size_bytes=1)
FAILED = Engine(
    state=EngineState.FAILED,
    failure=BuildFailure.NO_COMPILER,
    log_tail=("-- The CXX compiler identification is unknown", "CMake Error: CMAKE_CXX_COMPILER not set"),
)


class KeptPreferences:
    def __init__(self) -> None:
        self.value = SimpleNamespace(theme="light", text_percent=100, reduced_motion=False)

    def change(self, **fields: Any) -> None:
        self.value = SimpleNamespace(**{**vars(self.value), **fields})


class Desk:
    """A page that is shown, and what is around it."""

    def __init__(self, qtbot: QtBot, application: QApplication) -> None:
        self.qtbot = qtbot
        self.backend = ScriptedBackend()
        self.backend.known = (TINY,)
        self.backend.building = Engine(state=EngineState.BUILDING, phase="compiling", step=41, steps=186)
        self.themes = ThemeSource(load_tokens(), "light")
        apply_theme(application, self.themes.theme)
        self.presenter = SettingsPresenter(
            self.backend,
            KeptPreferences(),
            self._look,
            home={"models": "/home/mira/models", "data": "/home/mira/data"},
            read_about=self._about,
        )
        self.opened: list[str] = []
        self.page = SettingsPage(self.presenter, self.themes, open_folder=self.opened.append)
        qtbot.addWidget(self.page)
        self.page.resize(1104, 774)

    def _look(self, look: Appearance) -> None:
        self.themes.choose(look.theme, look.text_percent / 100, reduced_motion=look.reduced_motion)

    async def _about(self) -> About:
        return About("0.1.0", "3.11.7", (Component("FastAPI", "1.2.3", "MIT"),))

    async def until(self, reached: Callable[[], bool]) -> None:
        for _ in range(1000):
            if reached():
                return
            await asyncio.sleep(0)
        raise AssertionError("it did not come to that")


@pytest.fixture
async def desk(qtbot: QtBot, qapp: QApplication) -> AsyncIterator[Desk]:
    made = Desk(qtbot, qapp)
    made.page.show()
    made.presenter.connection_changed(True)
    await made.until(lambda: made.presenter.state.settings is not None)
    yield made
    await made.presenter.close()
    made.page.close()


async def test_a_theme_and_a_size_are_applied_at_once(desk: Desk) -> None:
    section = desk.page.appearance
    second = section.theme.segment_rects()[1].center().toPoint()
    desk.qtbot.mouseClick(section.theme, Qt.MouseButton.LeftButton, pos=second)
    assert desk.themes.theme.name == "dark"
    last = section.text_size.segment_rects()[-1].center().toPoint()
    desk.qtbot.mouseClick(section.text_size, Qt.MouseButton.LeftButton, pos=last)
    assert desk.themes.theme.scale == 1.5
    section.motion.click()
    assert desk.themes.theme.reduced_motion


async def test_a_number_is_taken_at_enter(desk: Desk) -> None:
    desk.page.show_section("models")
    threads = desk.page.models.threads
    assert threads.placeholderText() == "Automatic"
    desk.qtbot.keyClicks(threads, "6")
    desk.qtbot.keyClick(threads, Qt.Key.Key_Return)
    await desk.until(lambda: desk.presenter.state.settings == BackendSettings(threads=6))
    assert desk.backend.changes == [{"threads": 6}]
    assert threads.text() == "6"


async def test_a_refused_folder_keeps_what_was_typed_and_says_why(desk: Desk) -> None:
    desk.page.show_section("models")
    folder, row = desk.page.models.folder.edit, desk.page.models.fields["models_folder"]
    desk.backend.refuse(ErrorBody(code=ErrorCode.INVALID_INPUT, message="The folder /x does not exist."))
    desk.qtbot.keyClicks(folder, "/x")
    desk.qtbot.keyClick(folder, Qt.Key.Key_Return)
    await desk.until(lambda: bool(row.error.text()))
    assert row.error.isVisible()
    assert row.error.text() == "The folder /x does not exist."
    assert folder.text() == "/x"
    assert folder.property("invalid") is True
    assert folder.accessibleDescription() == "The folder /x does not exist."
    desk.qtbot.keyClick(folder, Qt.Key.Key_Return)
    await desk.until(lambda: len(desk.backend.changes) == 2)
    desk.qtbot.keyClick(folder, Qt.Key.Key_Escape)
    assert folder.text() == ""
    assert not row.error.isVisible()
    assert folder.property("invalid") is False


async def test_what_is_being_typed_is_not_disturbed(desk: Desk) -> None:
    desk.page.show_section("models")
    context = desk.page.models.context
    desk.page.activateWindow()
    context.setFocus()
    desk.qtbot.waitUntil(context.hasFocus)
    context.selectAll()
    desk.qtbot.keyClicks(context, "81")
    desk.presenter.event_arrived(SettingsChanged(settings=BackendSettings(context_size=2048)))
    assert context.text() == "81"
    desk.qtbot.keyClick(context, Qt.Key.Key_Escape)
    assert context.text() == "2048"


async def test_a_model_and_a_time_are_chosen_from_lists(desk: Desk) -> None:
    models = desk.page.models
    models.model.setCurrentIndex(models.model.findData("tiny"))
    models.keep_alive.setCurrentIndex(models.keep_alive.findData("-1"))
    await desk.until(lambda: len(desk.backend.changes) == 2)
    assert desk.backend.changes == [{"default_model": "tiny"}, {"keep_alive_s": -1}]


async def test_switches_are_taken_at_once(desk: Desk) -> None:
    models = desk.page.models
    await desk.until(lambda: models.read_ahead.isChecked() and models.titles.isChecked())
    models.read_ahead.click()
    models.titles.click()
    await desk.until(lambda: len(desk.backend.changes) == 2)
    assert desk.backend.changes == [{"read_ahead": False}, {"propose_titles": False}]
    desk.presenter.event_arrived(SettingsChanged(settings=BackendSettings(propose_titles=False)))
    assert (models.read_ahead.isChecked(), models.titles.isChecked()) == (True, False)


async def test_a_folder_is_chosen_in_a_dialog_that_blocks_nothing(desk: Desk) -> None:
    folder = desk.page.models.folder
    folder.browse.click()
    dialog = folder.dialog
    assert dialog is not None
    dialog.fileSelected.emit("/srv/models")
    dialog.reject()
    assert folder.dialog is None
    await desk.until(lambda: desk.backend.changes == [{"models_folder": "/srv/models"}])


async def test_without_the_backend_the_controls_are_off_and_say_why(desk: Desk) -> None:
    desk.page.show_section("models")
    desk.presenter.connection_changed(False)
    assert not desk.page.models.threads.isEnabled()
    assert "not connected" in desk.page.models.threads.toolTip()
    assert desk.page.models.lock_line.isVisible()
    assert desk.page.appearance.theme.isEnabled()
    desk.presenter.connection_changed(True)
    assert desk.page.models.threads.isEnabled()
    assert not desk.page.models.lock_line.isVisible()


async def test_a_failed_build_says_why_and_can_be_started_again_and_cancelled(desk: Desk) -> None:
    engine = desk.page.engine
    desk.page.show_section("engine")
    assert engine.state_card.isVisible()
    desk.presenter.event_arrived(EngineChanged(engine=FAILED))
    assert engine.failure is not None
    assert engine.failure.accessibleName() == "No C++ compiler was found"
    assert engine.log.isVisible()
    assert engine.log.text().splitlines() == list(FAILED.log_tail)
    [again] = engine.failure.findChildren(QPushButton)
    desk.presenter.connection_changed(False)
    assert not again.isEnabled()
    desk.presenter.event_arrived(EngineChanged(engine=FAILED))
    await desk.presenter.build_engine()
    assert engine.failure is None
    assert engine.job.isVisible()
    assert engine.job.accessibleDescription() == "Compiling, 41 of 186 steps"
    engine.job.cancelled.emit()
    await desk.until(
        lambda: desk.backend.asked[-1][0] == "cancel_engine_build" and engine.failure is not None
    )
    assert not engine.job.isVisible()


async def test_the_search_finds_settings_in_every_section(desk: Desk) -> None:
    page = desk.page
    desk.qtbot.keyClicks(page.navigation.search, "memory")
    assert page.current_section == "models"
    shown = [name for name, row in page.models.fields.items() if row.isVisible()]
    assert shown == ["context_size", "keep_alive_s"]
    assert page.navigation.items["appearance"].isHidden()
    page.navigation.search.setText("zzz")
    assert page.current_section == ""
    assert page.nothing.isVisible()
    page.navigation.search.clear()
    assert page.current_section == "appearance"
    assert not any(item.isHidden() for item in page.navigation.items.values())


async def test_paths_are_copied_and_opened(desk: Desk) -> None:
    desk.page.show_section("paths")
    control = desk.page.paths.controls["data"]
    control.copy.click()
    assert QGuiApplication.clipboard().text() == "/home/mira/data"
    control.open.click()
    assert desk.opened == ["/home/mira/data"]
    desk.presenter.event_arrived(SettingsChanged(settings=BackendSettings(models_folder="/srv/models")))
    assert desk.page.paths.controls["models"].path == "/srv/models"


async def test_about_names_versions_and_licences(desk: Desk) -> None:
    desk.page.show_section("about")
    await desk.until(lambda: desk.presenter.state.about.version != "")
    versions = {key: label.text() for key, label in desk.page.about.versions.items()}
    assert versions["program"] == "0.1.0"
    assert versions["engine"] == "0.3.36"
    assert [row.label.text() for row in desk.page.about.rows()][-1] == "FastAPI"


async def test_actions_work_and_lead_to_their_setting(desk: Desk) -> None:
    table = ActionTable()
    table.add(*settings_actions(desk.presenter, desk.page.show_setting))
    by_title = {action.title: action for action in table.fixed()}
    table.run(by_title["Switch to dark theme"])
    assert desk.themes.theme.name == "dark"
    assert "Switch to dark theme" not in {action.title for action in table.available("chat")}
    table.run(by_title["Larger text"])
    assert desk.themes.theme.scale == 1.15
    desk.page.activateWindow()
    for action in table.fixed():
        if action.id.startswith("settings.show."):
            table.run(action)
    table.run(by_title["Show models folder setting"])
    assert desk.page.current_section == "models"
    desk.qtbot.waitUntil(desk.page.models.folder.edit.hasFocus)
    assert not by_title["Build engine again"].enabled()


async def test_with_large_text_in_a_small_window_controls_go_under_their_words(desk: Desk) -> None:
    desk.page.show_section("models")
    row = desk.page.models.fields["models_folder"]
    assert row.control.y() < row.label.geometry().bottom()
    desk.presenter.set_text_percent(150)
    desk.page.resize(784, 574)
    QApplication.processEvents()
    assert row.control.y() > row.caption.geometry().bottom()
    assert row.width() <= desk.page.models.scroller.viewport().width()


async def test_it_fits_the_smallest_window(desk: Desk) -> None:
    for key in desk.page.sections:
        desk.page.show_section(key)
        assert desk.page.minimumSizeHint().width() <= 912
