from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import library_content as library
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from scripted_backend import ScriptedBackend
from window_stage import button, shows

from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.ollama import OllamaRunning, OllamaState, OllamaStatus
from backend_embedded.contract.settings import LocalApi, ModelProvider
from backend_embedded.contract.status import Capability, State
from ui.settings.page import SettingsPage
from ui.settings.presenter import SettingsPresenter
from ui.theme import ThemeSource, apply_theme, load_tokens

READY = OllamaStatus(
    state=OllamaState.READY,
    url="http://127.0.0.1:11434",
    version="0.9.6",
    models=1,
    running=(OllamaRunning(name="tinyllama", size_bytes=1),),
)


class FixedLooks:
    value = SimpleNamespace(theme="light", text_percent=100, reduced_motion=False)

    def change(self, **fields: Any) -> None:
        raise AssertionError(fields)


class ProviderDesk:
    """A settings page that is shown, on a scripted backend."""

    def __init__(self, qtbot: QtBot, application: QApplication) -> None:
        self.qtbot = qtbot
        self.backend = ScriptedBackend()
        self.backend.known = library.MODELS
        themes = ThemeSource(load_tokens(), "light")
        apply_theme(application, themes.theme)
        self.presenter = SettingsPresenter(self.backend, FixedLooks(), lambda _: None, local_api=self.backend)
        self.page = SettingsPage(self.presenter, themes)
        qtbot.addWidget(self.page)
        self.page.resize(1104, 774)

    def press(self, widget: QWidget, words: str) -> None:
        found = button(widget, words)
        assert found is not None
        found.click()

    def asked(self, call: str) -> int:
        return [name for name, _ in self.backend.asked].count(call)

    async def until(self, reached: Callable[[], object]) -> None:
        for _ in range(1000):
            if reached():
                return
            QApplication.processEvents()
            await asyncio.sleep(0)
        raise AssertionError("it did not come to that")


@pytest.fixture
async def desk(qtbot: QtBot, qapp: QApplication) -> AsyncIterator[ProviderDesk]:
    made = ProviderDesk(qtbot, qapp)
    made.page.show()
    made.presenter.event_arrived(made.backend.snapshot())
    yield made
    await made.presenter.close()
    made.page.close()


async def test_the_server_is_asked_for_when_it_is_looked_at(desk: ProviderDesk) -> None:
    desk.backend.server = READY
    assert desk.asked("ollama") == 0
    desk.page.show_section("providers")
    section = desk.page.providers
    await desk.until(lambda: shows(section, "Ready, version 0.9.6"))
    assert section.state_row.caption.text() == "http://127.0.0.1:11434, 1 model, in memory: tinyllama."
    desk.backend.server = OllamaStatus(state=OllamaState.ABSENT, reason="The connection was refused.")
    gone = Capability(
        name="model", state=State.DEGRADED, provider="llama.cpp", product="", since=desk.backend.now
    )
    desk.presenter.event_arrived(CapabilityChanged(capability=gone))
    await desk.until(lambda: shows(section, "None answers"))
    desk.press(section, "Look again")
    await desk.until(lambda: desk.asked("ollama") == 3)


async def test_the_provider_is_taken_at_once_and_locks_what_it_does_not_use(desk: ProviderDesk) -> None:
    desk.page.show_section("providers")
    section = desk.page.providers
    assert section.url.isEnabled()
    desk.qtbot.keyClick(section.provider, Qt.Key.Key_Right)
    desk.qtbot.keyClick(section.provider, Qt.Key.Key_Right)
    await desk.until(lambda: desk.backend.kept.provider is ModelProvider.LLAMA_CPP)
    await desk.until(lambda: not section.url.isEnabled())
    assert shows(section, "No Ollama server is looked for.")


async def test_an_address_is_completed_and_one_that_is_none_is_refused(desk: ProviderDesk) -> None:
    desk.page.show_section("providers")
    section = desk.page.providers
    desk.qtbot.keyClicks(section.url, "192.168.1.5:11434")
    desk.qtbot.keyClick(section.url, Qt.Key.Key_Return)
    await desk.until(lambda: desk.backend.kept.ollama_url == "http://192.168.1.5:11434")
    section.url.setText("ftp://there")
    desk.qtbot.keyClick(section.url, Qt.Key.Key_Return)
    await desk.until(lambda: shows(section, "Type an address such as http://127.0.0.1:11434."))
    desk.qtbot.keyClick(section.url, Qt.Key.Key_Escape)
    assert section.url.text() == "http://192.168.1.5:11434"


async def test_proxy_store_and_wait_are_settings_too(desk: ProviderDesk) -> None:
    await desk.presenter.change("proxy", "proxy:3128")
    await desk.presenter.change("ollama_store", "/srv/ollama")
    await desk.presenter.change("first_token_s", "90")
    await desk.presenter.change("ollama_model", "gpt-oss")
    kept = desk.backend.kept
    assert (kept.proxy, kept.ollama_store) == ("http://proxy:3128", "/srv/ollama")
    assert (kept.first_token_s, kept.ollama_model) == (90, "gpt-oss")
    assert desk.page.providers.wait.text() == "90"
    await desk.presenter.change("first_token_s", "0")
    assert desk.presenter.state.errors["first_token_s"] == "0 is not between 1 and 3,600."


async def test_the_key_is_hidden_until_it_is_wanted_and_copied_whole(desk: ProviderDesk) -> None:
    desk.page.show_section("local_api")
    section, key = desk.page.local_api, desk.backend.door.key
    await desk.until(lambda: shows(section, "http://127.0.0.1:10010"))
    assert not shows(section, key)
    desk.press(section, "Copy the key")
    assert QGuiApplication.clipboard().text() == key
    desk.press(section, "Copy the lines for curl")
    assert f"Bearer {key}" in QGuiApplication.clipboard().text()
    desk.press(section, "Show the key")
    assert shows(section, f"Bearer {key}")
    desk.press(section, "Copy the address")
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:10010"


async def test_a_new_key_is_made_only_after_a_question(desk: ProviderDesk) -> None:
    desk.page.show_section("local_api")
    section, old = desk.page.local_api, desk.backend.door.key
    await desk.until(lambda: desk.presenter.state.local_api)
    section.new_key.click()
    assert shows(section.confirm, "Programs that have the old key are refused from then on.")
    section.confirm.keep.click()
    assert desk.asked("new_local_api_key") == 0
    section.new_key.click()
    section.confirm.yes.click()
    await desk.until(lambda: desk.presenter.state.local_api and desk.presenter.state.local_api.key != old)
    assert section.confirm.isHidden()


async def test_a_closed_door_shows_neither_key_nor_lines(desk: ProviderDesk) -> None:
    desk.page.show_section("local_api")
    section = desk.page.local_api
    await desk.until(lambda: shows(section, "Editor plug-in"))
    desk.qtbot.keyClick(section.mode, Qt.Key.Key_Left)
    await desk.until(lambda: desk.backend.kept.local_api is LocalApi.OFF)
    await desk.until(lambda: not shows(section, "Editor plug-in"))
    assert section.key_row.isHidden()
    assert section.address_row.isHidden()


async def test_a_run_that_overrules_the_setting_says_so(desk: ProviderDesk) -> None:
    desk.backend.door_mode = LocalApi.OPEN
    desk.page.show_section("local_api")
    section = desk.page.local_api
    await desk.until(lambda: shows(section, "This run was started with --local-api open."))
    assert section.mode.value == "key"
    assert section.key_row.isHidden()


async def test_a_key_that_cannot_be_read_says_why(desk: ProviderDesk) -> None:
    desk.backend.refuse(
        ErrorBody(code=ErrorCode.INTERNAL, message="The key's file is not readable."), "local_api"
    )
    desk.page.show_section("local_api")
    await desk.until(lambda: shows(desk.page.local_api, "The key's file is not readable."))


async def test_each_new_setting_can_be_shown_and_searched(desk: ProviderDesk) -> None:
    for name, section in (("provider", "providers"), ("proxy", "models"), ("local_api", "local_api")):
        desk.page.show_setting(name)
        assert desk.page.current_section == section
    desk.page.navigation.search.setText("curl")
    assert desk.page.current_section == "local_api"
    assert desk.page.minimumSizeHint().width() <= 912
