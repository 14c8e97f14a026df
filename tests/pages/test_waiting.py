"""A long wait says what is awaited, later it can be given up; a short one shows nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from scripted_backend import ScriptedBackend
from window_stage import button, shows

from ui.chat.conversation_list import AWAITED
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.models.page import ModelsPage
from ui.models.presenter import ModelsPresenter
from ui.theme import ThemeSource, load_tokens
from ui.widgets import Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pytestqt.qtbot import QtBot

    from backend_embedded.contract.library import CatalogueEntry, Remote
    from ui.client.port import MessagePage


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)
            QApplication.processEvents()


class Slow(ScriptedBackend):
    """Answers when its gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def messages(self, *arguments: Any, **named: Any) -> MessagePage:
        await self.opened.wait()
        return await super().messages(*arguments, **named)

    async def conversations(self, *arguments: Any, **named: Any) -> Any:
        await self.opened.wait()
        return await super().conversations(*arguments, **named)

    async def catalogue(self) -> list[CatalogueEntry]:
        await self.opened.wait()
        return await super().catalogue()

    async def remote(self, reference: str) -> Remote:
        await asyncio.Event().wait()
        raise AssertionError("a registry that never answers")


@pytest.fixture
def hasty() -> ThemeSource:
    tokens = load_tokens()
    soon = {**tokens.motion_ms, "awaitedCaption": 1, "awaitedCancel": 2}
    return ThemeSource(replace(tokens, motion_ms=soon), "light")


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def chat(
    qtbot: QtBot, qapp: QApplication, slow: Slow, hasty: ThemeSource
) -> AsyncIterator[tuple[ChatPage, ChatPresenter]]:
    presenter = ChatPresenter(slow, draft_delay_s=0, pause_s=0)
    page = ChatPage(presenter, hasty, now=lambda: slow.now)
    qtbot.addWidget(page)
    page.resize(1104, 774)
    page.show()
    yield page, presenter
    await presenter.close()


def test_the_times_are_those_of_the_design() -> None:
    times = load_tokens().motion_ms
    assert (times["awaitedCaption"], times["awaitedCancel"]) == (2000, 10_000)


def test_a_new_wait_begins_from_its_start(qtbot: QtBot, hasty: ThemeSource) -> None:
    place = QWidget()
    waiting = Waiting((0.5,), hasty, "Reading the shelf", "Waiting for the shelf.", parent=place)
    qtbot.addWidget(place)
    place.show()
    qtbot.waitUntil(lambda: waiting.caption.isVisible() and waiting.cancel.isVisible())
    waiting.hide()
    assert not waiting.patience.is_active
    waiting.show()
    assert (waiting.caption.isVisible(), waiting.cancel.isVisible()) == (False, False)
    qtbot.waitUntil(waiting.cancel.isVisible)
    with qtbot.waitSignal(waiting.cancelled):
        waiting.cancel.click()


async def test_a_chat_that_is_not_read_can_be_given_up_and_read_again(chat: Any, slow: Slow) -> None:
    page, presenter = chat
    made = slow.add("A", ("q", "a"))
    presenter.conversation_arrived(made)
    presenter.spawn(presenter.select(made.id))
    await until(lambda: shows(page.pane, "Waiting for the backend to read the chat."))
    await until(lambda: button(page.pane, "Cancel reading the chat"))
    button(page.pane, "Cancel reading the chat").click()
    await until(lambda: shows(page.pane.notices, "Reading the chat was cancelled"))
    slow.opened.set()
    await until(lambda: button(page.pane.notices, "Try again"))
    assert presenter.state.transcript.messages == ()
    button(page.pane.notices, "Try again").click()
    await until(lambda: len(presenter.state.transcript.messages) == 2)
    assert not page.pane.notices.isVisible()


async def test_the_list_of_chats_says_what_it_waits_for(chat: Any, slow: Slow) -> None:
    page, presenter = chat
    presenter.connection_changed(True)
    await until(lambda: shows(page.list, AWAITED))
    slow.opened.set()
    await until(lambda: not shows(page.list, AWAITED))


async def test_catalogue_and_look_up_can_be_given_up(
    qtbot: QtBot, qapp: QApplication, slow: Slow, hasty: ThemeSource
) -> None:
    presenter = ModelsPresenter(slow)
    page = ModelsPage(presenter, hasty)
    qtbot.addWidget(page)
    page.resize(1104, 774)
    page.show()
    await until(lambda: shows(page, "Waiting for the backend to tell which models"))
    presenter.connection_changed(True)
    presenter.show("get")
    await until(lambda: button(page, "Cancel reading the catalogue"))
    button(page, "Cancel reading the catalogue").click()
    await until(lambda: shows(page, "Reading the catalogue was cancelled"))
    presenter.spawn(presenter.look_up("qwen2.5:0.5b"))
    await until(lambda: button(page, "Cancel the look-up"))
    button(page, "Cancel the look-up").click()
    await until(lambda: not presenter.state.looking)
    assert not button(page, "Cancel the look-up")
    slow.opened.set()
    button(page, "Try again").click()
    await until(lambda: presenter.state.catalogue is not None)
    assert presenter.state.catalogue_failure is None
    await presenter.close()
