from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from scripted_backend import ScriptedBackend
from scripted_chat import ROOM

from backend_embedded.contract.context import AnswerContext, ContextPolicy, Summary
from backend_embedded.contract.conversations import ConversationSettings, Seam
from backend_embedded.contract.generation import SamplingOptions
from backend_embedded.contract.models import Engine, EngineState, Model
from ui.chat.actions import chat_actions
from ui.chat.files.files_state import LARGE_PASTE
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.theme import ThemeSource, load_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from backend_embedded.contract.conversations import Conversation

MODEL = Model(
    name="tiny", title="TinyLlama 1.1B", provider="llama.cpp", path="/m", size_bytes=638_000_000, default=True
)
OTHER = MODEL.model_copy(update={"name": "smol", "title": "SmolLM2 135M", "default": False})
FULL = ROOM.model_copy(update={"fits": False, "prompt": 4000, "room": 0, "droppable": 3})


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)
            QApplication.processEvents()


@pytest.fixture
def chats() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
async def page(qtbot: Any, qapp: QApplication, chats: ScriptedBackend) -> AsyncIterator[ChatPage]:
    presenter = ChatPresenter(chats, draft_delay_s=0, pause_s=0)
    presenter.connection_changed(True)
    presenter.change(models=(MODEL, OTHER), engine=Engine(state=EngineState.READY))
    made = ChatPage(presenter, ThemeSource(load_tokens(), "light"), now=lambda: chats.now)
    qtbot.addWidget(made)
    made.resize(1104, 774)
    made.show()
    await until(lambda: presenter.state.loaded)
    yield made
    await presenter.close()


async def shown(page: ChatPage, chats: ScriptedBackend, *texts: str) -> Conversation:
    made = chats.add("A", texts)
    await page._presenter.resync()
    await page._presenter.select(made.id)
    await until(lambda: page.pane.view.items)
    return made


def button(widget: QWidget, words: str) -> QAbstractButton | None:
    found = (b for b in widget.findChildren(QAbstractButton) if b.isVisible())
    return next((b for b in found if words in (b.text(), b.accessibleName())), None)


async def press(widget: QWidget, words: str) -> None:
    await until(lambda: button(widget, words))
    found = button(widget, words)
    assert found is not None
    found.click()


async def test_up_in_an_empty_field_edits_the_last_question_and_escape_leaves_it(page, chats) -> None:
    await shown(page, chats, "Old question", "Old answer")
    edit = page.pane.composer.edit
    QTest.keyClick(edit, Qt.Key.Key_Up)
    await until(lambda: page.pane.composer.text == "Old question")
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    await until(lambda: page.pane.composer.text == "")
    QTest.keyClick(edit, Qt.Key.Key_Up)
    edit.selectAll()
    QTest.keyClicks(edit, "New")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    await until(lambda: chats.requests)
    assert (chats.requests[0].content, chats.requests[0].as_root) == ("New", True)


async def test_a_question_has_arrows_and_actions_with_names(page, chats) -> None:
    made = await shown(page, chats, "q", "a")
    question = chats.stored[made.id][0]
    chats.stored[made.id][0] = question.model_copy(update={"siblings": (chats.new_id(), question.id)})
    await page._presenter.retry_load()
    await press(page.pane.view, "Previous question")
    await until(lambda: chats.patches and chats.patches[-1][1].leaf_id)
    for name in ("Edit and send again", "Copy question", "Branch from here"):
        assert button(page.pane.view, name)


async def test_a_seam_is_a_line_in_the_answer(page, chats) -> None:
    made = await shown(page, chats, "q", "Half and half")
    seam = Seam(offset=5, provider="llama.cpp", model="tiny", reason="Ollama was lost")
    chats.change_last(made, seams=(seam,))
    await page._presenter.retry_load()
    await until(lambda: "From here on: llama.cpp · tiny — Ollama was lost" in page.pane.view.toPlainText())
    item = page.pane.view.transcript.items[-1]
    assert item.text == "Half and half"


async def test_what_does_not_fit_is_chosen_in_place(page, chats) -> None:
    chats.use = FULL
    made = await shown(page, chats, "q", "a")
    await press(page.pane.fit_card, "Drop the oldest")
    await until(lambda: chats.listed[made.id].settings.context_policy is ContextPolicy.DROP_OLDEST)
    await until(lambda: not page.pane.fit_card.isVisible())
    assert page.window().focusWidget() is page.pane.composer.edit


async def test_a_choice_can_hold_for_one_question(page, chats) -> None:
    chats.use = FULL
    made = await shown(page, chats, "q", "a")
    QTest.keyClicks(page.pane.composer.edit, "Long")
    await until(lambda: button(page.pane.fit_card, "Drop the oldest"))
    page.pane.fit_card.once.setChecked(True)
    await press(page.pane.fit_card, "Drop the oldest")
    await until(lambda: chats.requests)
    assert chats.requests[0].context_policy is ContextPolicy.DROP_OLDEST
    assert chats.listed[made.id].settings.context_policy is ContextPolicy.ASK


async def test_the_meter_says_what_the_context_goes_to(page, chats) -> None:
    await shown(page, chats, "q", "a")
    meter = page.pane.composer.meter
    await until(meter.isVisible)
    assert meter.accessibleName() == "Context: 940 of 2,048 tokens"
    meter.open()
    assert meter.popover.isVisible()
    meter.popover.close()


async def test_the_summary_is_shown_and_edited(page, chats) -> None:
    made = await shown(page, chats, "one", "two", "three", "four")
    messages = chats.stored[made.id]
    unseen = tuple(m.id for m in messages[:2])
    summary = Summary(id=chats.new_id(), text="short", covers=unseen)
    context = AnswerContext(policy=ContextPolicy.SUMMARIZE, unseen=unseen, summary=summary)
    chats.change_last(made, context=context)
    await page._presenter.retry_load()
    await press(page.pane.view, "Show summary")
    await press(page.pane.view, "Save summary")
    await until(lambda: "change_summary" in [call for call, _ in chats.asked])


async def test_search_over_all_is_reached_by_keyboard(page, chats) -> None:
    await shown(page, chats, "q", "a")
    other = chats.add("Other", ("the needle", "a"))
    await page._presenter.resync()
    page.list.open_search()
    QTest.keyClicks(page.list.search, "needle")
    await until(lambda: page.list.results.count() == 1)
    QTest.keyClick(page.list.search, Qt.Key.Key_Down)
    QTest.keyClick(page.list.results, Qt.Key.Key_Return)
    await until(lambda: page._presenter.state.selected == other.id)
    QTest.keyClick(page.list.search, Qt.Key.Key_Escape)
    await until(page.list.view.isVisible)


async def test_find_in_the_chat_marks_and_closes(page, chats) -> None:
    await shown(page, chats, "the needle", "another needle")
    page.pane.find_bar.open()
    QTest.keyClicks(page.pane.find_bar.field, "needle")
    await until(lambda: len(page.pane.view.extraSelections()) == 2)
    QTest.keyClick(page.pane.find_bar.field, Qt.Key.Key_Return)
    QTest.keyClick(page.pane.find_bar.field, Qt.Key.Key_Escape)
    await until(lambda: page.pane.view.extraSelections() == [])


async def test_the_menu_of_a_row_pins_and_archives(page, chats) -> None:
    made = await shown(page, chats, "q", "a")
    menu = page.list.menu.for_row(made, (made,))
    named = {action.text(): action for action in menu.actions()}
    named["Pin"].trigger()
    await until(lambda: "Pinned" in page.list.titles())
    named["Archive"].trigger()
    await until(lambda: page.list.titles() == [])
    page.shown.toggle_archive()
    await until(lambda: page.list.titles() == ["Archived", "A"])


async def test_long_pasted_text_is_offered_as_a_file(page, chats) -> None:
    await shown(page, chats, "q", "a")
    data = QMimeData()
    data.setText("word " * LARGE_PASTE)
    page.pane.composer.edit.insertFromMimeData(data)
    await press(page.pane.composer, "Attach as file")
    await until(lambda: page._presenter.state.files and page._presenter.state.files[0].attachment)
    assert page.pane.composer.text == ""
    await press(page.pane.composer, "Leave Pasted text.txt out")
    await until(lambda: not page._presenter.state.files)


async def test_the_panel_changes_the_conversation(page, chats) -> None:
    made = await shown(page, chats, "q", "a")
    page.toggle_panel()
    row = page.panel.rows["temperature"]
    row.field.setText("0.2")
    row.field.editingFinished.emit()
    await until(lambda: chats.listed[made.id].settings.options.temperature == 0.2)
    row.reset.click()
    await until(lambda: chats.listed[made.id].settings.options.temperature == 0.7)
    page.panel.schema.setPlainText("{")
    page.panel.schema_button.click()
    assert "no JSON" in page.panel.schema_error.text()
    page.panel.schema.setPlainText('{"type": "object"}')
    page.panel.schema_button.click()
    await until(lambda: chats.listed[made.id].settings.options.json_schema == {"type": "object"})


async def test_a_structured_answer_is_a_tree_and_its_text_stays(page, chats) -> None:
    made = await shown(page, chats, "q", '{"a": {"b": [1, 2]}}')
    settings = ConversationSettings(options=SamplingOptions(json_schema={"type": "object"}))
    chats.listed[made.id] = chats.listed[made.id].model_copy(update={"settings": settings})
    await page._presenter.resync()
    await press(page.pane.view, "Hide tree")
    await until(lambda: button(page.pane.view, "Show tree"))
    assert '{"a"' in page.pane.view.toPlainText()


async def test_everything_has_a_name_and_the_page_still_fits(page, chats) -> None:
    await shown(page, chats, "q", "a")
    page.toggle_panel()
    QApplication.processEvents()
    nameless = [
        b
        for b in page.findChildren(QAbstractButton)
        if b.isVisible() and not (b.accessibleName() or b.text())
    ]
    assert nameless == []
    page.toggle_panel()
    assert page.minimumSizeHint().width() - page.list.width() <= 912
    shortcuts = [a.shortcut for a in chat_actions(page, page._presenter) if a.shortcut]
    assert len(shortcuts) == len(set(shortcuts))
