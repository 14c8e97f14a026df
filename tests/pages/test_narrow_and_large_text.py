"""At the least size of the window and with large text nothing is cut or hidden behind something else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from scripted_backend import ScriptedBackend
from scripted_chat import ROOM

from backend_embedded.contract.models import Engine, EngineState, Model
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.shell.notifications import Notifications
from ui.shell.rail import Rail
from ui.shell.values import Notification
from ui.theme import ThemeSource, apply_theme, load_tokens
from ui.widgets import Label

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pytestqt.qtbot import QtBot

LEAST_PAGE = 960 - 48
"""Width of a page in the smallest window."""
MODEL = Model(
    name="tiny", title="TinyLlama 1.1B", provider="llama.cpp", path="/m", size_bytes=638_000_000, default=True
)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)
            QApplication.processEvents()


@pytest.fixture(params=[1.0, 1.3, 1.5])
def themes(request: pytest.FixtureRequest, qapp: QApplication) -> ThemeSource:
    made = ThemeSource(load_tokens(), "light", request.param)
    apply_theme(qapp, made.theme)
    return made


@pytest.fixture
async def page(qtbot: QtBot, themes: ThemeSource) -> AsyncIterator[ChatPage]:
    backend = ScriptedBackend()
    made = backend.add("A title that is rather long for its place", ("q", "a"))
    presenter = ChatPresenter(backend, draft_delay_s=0, pause_s=0, selected=made.id)
    page = ChatPage(presenter, themes, now=lambda: backend.now)
    qtbot.addWidget(page)
    page.resize(LEAST_PAGE, 574)
    page.show()
    presenter.connection_changed(True)
    presenter.change(models=(MODEL,), engine=Engine(state=EngineState.READY))
    await until(lambda: presenter.state.loaded and page.pane.view.items)
    yield page
    await presenter.close()


def cut_buttons(page: QWidget) -> list[str]:
    """Buttons that are in sight and reach over an edge of the page, or are narrower than their words."""
    found = []
    for one in page.findChildren(QAbstractButton):
        if not one.isVisible() or one.visibleRegion().isEmpty():
            continue
        left = one.mapTo(page, one.rect().topLeft()).x()
        wanted = min(one.minimumSizeHint().width(), one.maximumWidth())
        if left < 0 or left + one.width() > page.width() or one.width() < wanted:
            found.append(one.accessibleName() or one.text())
    return found


async def test_the_settings_take_the_place_of_the_list_and_nothing_is_cut(page: ChatPage) -> None:
    assert page.list.isVisible()
    page.toggle_panel()
    await until(lambda: not page.list.isVisible())
    await until(lambda: page.panel.geometry().right() < page.width())
    await until(lambda: not cut_buttons(page))
    page.open_search()
    await until(lambda: page.list.search.hasFocus())
    assert not page.panel.isVisible()


async def test_the_list_stays_beside_the_settings_in_a_wide_window(page: ChatPage) -> None:
    page.resize(1744, 774)
    page.toggle_panel()
    await until(lambda: page.panel.isVisible())
    assert page.list.isVisible()


async def test_every_line_of_the_choice_is_whole(page: ChatPage) -> None:
    full = ROOM.model_copy(
        update={"fits": False, "prompt": 4000, "room": 0, "droppable": 3, "enlarged_size": 8192}
    )
    page._presenter.change(context=full)
    await until(page.pane.fit_card.isVisible)

    def whole() -> bool:
        lines = [one for one in page.pane.fit_card.findChildren(Label) if one.wordWrap()]
        return bool(lines) and all(one.height() >= one.heightForWidth(one.width()) for one in lines)

    await until(whole)
    composer = page.pane.composer
    await until(lambda: composer.send_button.geometry().bottom() < composer.height())


async def test_the_placeholder_is_as_large_as_what_is_typed(page: ChatPage, themes: ThemeSource) -> None:
    assert page.pane.composer.edit.viewport().font().pixelSize() == themes.theme.px("message")


def test_a_toast_is_as_high_as_its_text(qtbot: QtBot, themes: ThemeSource) -> None:
    window = QWidget()
    window.resize(960, 600)
    qtbot.addWidget(window)
    window.show()
    said = Notifications(themes, window, lambda: 26)
    text = "The model runner of tinyllama-1.1b-chat-v1.0.Q4_0 ended during the answer (killed by SIGKILL)."
    said.notify(Notification("degraded", "TinyLlama 1.1B Chat stopped", text, (("Show log", lambda: None),)))
    (toast,) = said.toasts()
    (line,) = (one for one in toast.findChildren(Label) if one.wordWrap())
    qtbot.waitUntil(lambda: line.height() >= line.heightForWidth(line.width()))
    assert toast.geometry().right() <= window.width() + 24
    toast.close_now()


def test_the_rail_is_wide_enough_for_its_names(qtbot: QtBot, themes: ThemeSource) -> None:
    rail = Rail(themes)
    qtbot.addWidget(rail)
    assert rail.width() == themes.theme.scaled(176)
    rail.set_open(False)
    assert rail.width() == 48
