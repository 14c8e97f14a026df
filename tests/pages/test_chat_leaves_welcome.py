"""A new chat leaves the first-run welcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from scripted_backend import ScriptedBackend

from ui.chat.actions import chat_actions
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.theme import ThemeSource, load_tokens


@pytest.fixture
async def page(qtbot: Any) -> AsyncIterator[ChatPage]:
    presenter = ChatPresenter(ScriptedBackend(), first_run=True, draft_delay_s=0)
    made = ChatPage(presenter, ThemeSource(load_tokens(), "light"))
    qtbot.addWidget(made)
    made.resize(1104, 774)
    made.show()
    yield made
    await presenter.close()


async def test_new_chat_leaves_the_welcome_and_keeps_what_was_typed(page: ChatPage) -> None:
    presenter = page._presenter
    assert page.pane.welcome.isVisible()
    page.pane.composer.edit.setPlainText("Half a question")
    new = next(action for action in chat_actions(page, presenter) if action.shortcut == "Ctrl+N")
    new.run()
    QApplication.processEvents()
    assert not page.pane.welcome.isVisible()
    assert page.list.isVisible()
    assert page.pane.composer.text == "Half a question"
    page.show_welcome()
    assert page.pane.welcome.isVisible()
