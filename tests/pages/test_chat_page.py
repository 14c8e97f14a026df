from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from scripted_backend import ScriptedBackend

from backend_embedded.contract.conversations import (
    ChatFinished,
    Conversation,
    Message,
    MessageStatus,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import GenerationStats, TextDelta
from backend_embedded.contract.models import Engine, EngineState, Model
from ui.chat.actions import chat_actions, conversation_actions
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.theme import ThemeSource, load_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MODEL = Model(
    name="tiny",
    title="TinyLlama 1.1B",
    provider="llama.cpp",
    path="/m",
    size_bytes=638_000_000,
    quantization="Q4_0",
    default=True,
)
OTHER = MODEL.model_copy(update={"name": "smol", "title": "SmolLM2 135M", "default": False})
STATS = GenerationStats(
    provider="llama.cpp",
    model="tiny",
    quantization="Q4_0",
    completion_tokens=268,
    tokens_per_s=38.2,
    ttft_ms=410,
    reason="Ollama lost",
)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)
            QApplication.processEvents()


@pytest.fixture
def chats() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
def deleted() -> list[Conversation]:
    return []


@pytest.fixture
def themes(qapp: QApplication) -> ThemeSource:
    return ThemeSource(load_tokens(), "light")


@pytest.fixture
async def page(
    qtbot: Any, chats: ScriptedBackend, themes: ThemeSource, deleted: list[Conversation]
) -> AsyncIterator[ChatPage]:
    presenter = ChatPresenter(chats, draft_delay_s=0)
    presenter.connection_changed(True)
    presenter.change(models=(MODEL, OTHER), engine=Engine(state=EngineState.READY))
    made = ChatPage(presenter, themes, on_deleted=deleted.append, now=lambda: chats.now)
    qtbot.addWidget(made)
    made.resize(1104, 774)
    made.show()
    await until(lambda: presenter.state.loaded)
    yield made
    await presenter.close()


async def start_answer(page: ChatPage, chats: ScriptedBackend, conversation: Conversation) -> Message:
    page.pane.composer.edit.setPlainText("What is a container?")
    QTest.keyClick(page.pane.composer.edit, Qt.Key.Key_Return)
    await until(lambda: chats.requests)
    first = chats.started(conversation, "What is a container?")
    chats.scripts[-1].put_nowait(first)
    await until(lambda: page._presenter.state.live)
    return first.answer


async def test_enter_sends_and_the_answer_streams_into_the_view(
    page: ChatPage, chats: ScriptedBackend
) -> None:
    answer = await start_answer(page, chats, chats.add("What is a container?", []))
    assert page.pane.composer.text == ""
    assert page.pane.composer.stop_button.isVisible()
    for number, text in enumerate(("A **box** ", "for programs."), 1):
        chats.scripts[-1].put_nowait(TextDelta(text=text, tokens=number))
    await until(lambda: "A box for programs." in page.pane.view.toPlainText())
    done = answer.model_copy(
        update={"text": "A **box** for programs.", "status": MessageStatus.COMPLETE, "stats": STATS}
    )
    chats.scripts[-1].put_nowait(ChatFinished(answer=done))
    await until(lambda: page.pane.composer.send_button.isVisible())
    assert page.header.title.whole_text() == "What is a container?"
    await until(lambda: page.pane.overlays.bar_of(answer.id))


async def test_escape_stops_from_anywhere_on_the_page(page: ChatPage, chats: ScriptedBackend) -> None:
    await start_answer(page, chats, chats.add("A", []))
    QTest.keyClick(page.pane.view, Qt.Key.Key_Escape)
    await until(lambda: chats.closed == 1 and not page._presenter.state.live)
    assert page._presenter.state.transcript.messages[-1].status is MessageStatus.STOPPED


async def test_two_thousand_messages_open_with_the_work_of_twenty(
    page: ChatPage, chats: ScriptedBackend
) -> None:
    conversation = chats.add("long", [f"message {n}" for n in range(2000)])
    await page._presenter.resync()
    await page._presenter.select(conversation.id)
    assert page.pane.view.transcript.rendered == 20
    assert page.pane.view.blocks_laid_out() < 200
    await until(lambda: page.pane.view.verticalScrollBar().maximum() > 0)
    QApplication.processEvents()
    assert page.pane.view.following
    page.pane.view.scroll_to(0)
    await until(lambda: len(page._presenter.state.transcript.messages) == 40)
    await until(lambda: page.pane.view.transcript.rendered == 40)
    assert page.pane.view.verticalScrollBar().value() > 0


async def test_code_has_a_copy_button(page: ChatPage, chats: ScriptedBackend) -> None:
    conversation = chats.add("code", ["q", "```python\nx = 1\n```"])
    await page._presenter.resync()
    await page._presenter.select(conversation.id)

    def copy_button() -> QAbstractButton | None:
        buttons = page.findChildren(QAbstractButton)
        return next((b for b in buttons if b.accessibleName() == "Copy python"), None)

    await until(copy_button)
    button = copy_button()
    assert button is not None
    button.click()
    assert QGuiApplication.clipboard().text() == "x = 1"


async def test_a_cut_answer_offers_to_continue(page: ChatPage, chats: ScriptedBackend) -> None:
    conversation = chats.add("cut", ["q", "half"])
    error = ErrorBody(code=ErrorCode.ENGINE_CRASHED, message="It was ended by signal 9.")
    cut = chats.change_last(conversation, status=MessageStatus.INCOMPLETE, error=error)
    await page._presenter.resync()
    await page._presenter.select(conversation.id)
    await until(lambda: page.pane.overlays.card_of(cut.id))
    card = page.pane.overlays.card_of(cut.id)
    assert card is not None
    assert card.accessibleName() == "The model runner stopped while it was answering"
    words = [button.text() for button in card.findChildren(QAbstractButton)]
    assert words == ["Continue answer", "Ask again", "Show log"]
    card.findChildren(QAbstractButton)[0].click()
    await until(lambda: chats.requests)
    assert chats.requests[0].continue_message == cut.id


async def test_rows_are_grouped_and_deleting_offers_undo(
    page: ChatPage, chats: ScriptedBackend, deleted: list[Conversation]
) -> None:
    chats.add("today", ["q", "a"])
    chats.add("old", ["q", "a"], at=chats.now - timedelta(days=400))
    await page._presenter.resync()
    assert "today" in page.list.titles()
    conversation = page._presenter.state.conversations[0]
    await page._presenter.select(conversation.id)
    page.delete_selected()
    await until(lambda: deleted)
    assert deleted == [conversation]
    assert conversation.title not in page.list.titles()


async def test_without_a_backend_sending_is_off_and_says_why(page: ChatPage) -> None:
    page._presenter.connection_changed(False)
    page.pane.composer.edit.setPlainText("Hello")
    assert not page.pane.composer.send_button.isEnabled()
    assert "lost" in page.pane.composer.hint.text()
    assert page.pane.composer.text == "Hello"


async def test_the_picker_chooses_the_next_model(page: ChatPage) -> None:
    page.open_models()
    assert page.picker.popover.list.count() == 2
    QTest.keyClicks(page.picker.popover.search, "smol")
    QTest.keyClick(page.picker.popover.search, Qt.Key.Key_Return)
    assert page._presenter.state.model == OTHER
    assert "SmolLM2" in page.picker.text()


async def test_drafts_come_back_with_their_conversation(page: ChatPage, chats: ScriptedBackend) -> None:
    one, two = chats.add("one", ["q", "a"]), chats.add("two", ["q", "a"])
    await page._presenter.resync()
    await page._presenter.select(one.id)
    QTest.keyClicks(page.pane.composer.edit, "for one")
    await page._presenter.select(two.id)
    assert page.pane.composer.text == ""
    await page._presenter.select(one.id)
    assert page.pane.composer.text == "for one"


async def test_the_welcome_holds_the_composer_until_it_ends(page: ChatPage) -> None:
    page.show_welcome()
    QApplication.processEvents()
    assert page.pane.welcome.isVisible()
    assert page.pane.welcome.isAncestorOf(page.pane.composer)
    page.skip.click()
    assert not page.pane.welcome.isVisible()
    assert not page.pane.welcome.isAncestorOf(page.pane.composer)


async def test_another_theme_and_text_size(
    page: ChatPage, chats: ScriptedBackend, themes: ThemeSource
) -> None:
    conversation = chats.add("one", ["q", "```py\nx\n```\n\n| a |\n|---|\n| 1 |"])
    await page._presenter.resync()
    await page._presenter.select(conversation.id)
    before = page.pane.view.toPlainText()
    themes.choose("dark", 1.3)
    QApplication.processEvents()
    assert page.pane.view.toPlainText() == before


async def test_every_control_has_a_name_and_the_page_fits(page: ChatPage, chats: ScriptedBackend) -> None:
    conversation = chats.add("one " * 50, ["q", "a\n\n```py\nx\n```"])
    await page._presenter.resync()
    await page._presenter.select(conversation.id)
    await until(lambda: page.pane.overlays.bar_of(chats.stored[conversation.id][-1].id))
    nameless = [
        widget
        for widget in page.findChildren(QWidget)
        if isinstance(widget, QAbstractButton) and not (widget.accessibleName() or widget.text())
    ]
    assert [w for w in nameless if w.isVisible()] == []
    assert page.minimumSizeHint().width() - page.list.width() <= 912


async def test_actions_are_offered_when_they_can_be_done(page: ChatPage, chats: ScriptedBackend) -> None:
    actions = {action.id: action for action in chat_actions(page, page._presenter)}
    assert not actions["chat.rename"].enabled()
    conversation = chats.add("one", ["q", "answer"])
    await page._presenter.resync()
    (opening,) = conversation_actions(page._presenter, lambda: None)
    opening.run()
    await until(lambda: page._presenter.state.transcript.messages)
    assert page._presenter.state.selected == conversation.id
    assert actions["chat.rename"].enabled()
    actions["chat.copy"].run()
    assert QGuiApplication.clipboard().text() == "answer"
