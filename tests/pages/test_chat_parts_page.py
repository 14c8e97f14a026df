from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from scripted_backend import ScriptedBackend
from scripted_chat import ROOM

from backend_embedded.contract.context import AnswerContext, ContextPolicy, Summary
from backend_embedded.contract.conversations import ConversationSettings, Seam
from backend_embedded.contract.generation import SamplingOptions
from backend_embedded.contract.models import Engine, EngineState, Model
from backend_embedded.contract.transfer import ExportFormat
from ui.chat.actions import chat_actions
from ui.chat.chats.list_view import tags_within
from ui.chat.conversation_model import ACCESSIBLE
from ui.chat.files.files_state import LARGE_PASTE
from ui.chat.finding.find_bar import mark_matches
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


async def test_the_list_is_narrowed_to_a_tag_and_a_new_chat_brings_all_back(page, chats) -> None:
    for title, tags in (("one", ("work",)), ("two", ("work", "logs")), ("three", ())):
        made = chats.add(title, ("q", "a"))
        chats.listed[made.id] = made.model_copy(update={"tags": tags})
    await page._presenter.resync()
    await until(page.list.tags.isVisible)
    shown_tags = [page.list.tags.itemText(n).split()[0] for n in range(page.list.tags.count())]
    assert shown_tags == ["All", "#logs", "#work"]
    page.list.tags.setCurrentIndex(page.list.tags.findData("work"))
    await until(lambda: sorted(page.list.titles()[1:]) == ["one", "two"])
    spoken = page.list.model.index(page.list.titles().index("two")).data(ACCESSIBLE)
    assert "tagged work, logs" in spoken
    started = chats.started(chats.add("fresh"), "New")
    page._presenter.conversation_arrived(started.conversation, select=True)
    await until(lambda: "three" in page.list.titles())
    assert page.list.tags.currentData() == ""


async def test_a_tag_that_nobody_has_any_more_hides_nothing(page, chats) -> None:
    made = chats.add("one", ("q", "a"))
    chats.listed[made.id] = made.model_copy(update={"tags": ("work",)})
    await page._presenter.resync()
    page._presenter.keeping.narrow("work")
    await page._presenter.keeping.tag(made.id, ())
    await until(lambda: "one" in page.list.titles())
    assert not page.list.tags.isVisible()


def test_tags_take_no_more_room_than_they_have(qapp: QApplication) -> None:
    metrics = QFontMetrics(QFont())
    wide = metrics.horizontalAdvance("#docker #logs")
    assert tags_within(("docker", "logs"), metrics, wide) == "#docker #logs"
    assert tags_within(("docker", "logs"), metrics, metrics.horizontalAdvance("#docker +1")) == "#docker +1"
    cut = tags_within(("a-very-long-tag", "logs"), metrics, metrics.horizontalAdvance("#a-very +1"))
    assert cut.endswith("… +1")


async def test_a_long_export_is_a_card_with_cancel(page, chats, tmp_path) -> None:
    chats.moving_gate = asyncio.Event()
    page._presenter.moving.export(None, ExportFormat.JSON, str(tmp_path / "all.json"))
    await press(page.pane.notices, "Cancel Exporting all chats")
    await until(lambda: not page.pane.notices.isVisible())
    assert not (tmp_path / "all.json").exists()


async def test_a_hit_far_above_in_another_chat_is_brought_into_sight(page, chats) -> None:
    await shown(page, chats, "q", "a")
    lines = [f"Line {number}: " + "the harbour and its ships " * 12 for number in range(60)]
    lines[25] = "The lighthouse keeper painted his door green."
    made = chats.add("B", lines)
    page._presenter.finding.look_everywhere("lighthouse")
    await until(lambda: page._presenter.state.found.hits)
    sought = chats.stored[made.id][25].id
    page.list.hit_chosen.emit(page._presenter.state.found.hits[0])
    await until(lambda: page._presenter.state.sought == sought)
    await until(lambda: sought in {item.message.id for item in page.pane.view.places.in_sight()})
    for _ in range(50):  # and it stays there
        await asyncio.sleep(0)
        QApplication.processEvents()
    assert sought in {item.message.id for item in page.pane.view.places.in_sight()}
    marks = page.pane.view.extraSelections()
    assert [mark.cursor.selectedText() for mark in marks] == ["lighthouse"]


async def test_each_word_that_was_looked_for_is_marked(page, chats) -> None:
    await shown(page, chats, "The lighthouse keeper", "Öl and Green doors, evergreen; the Keeper's.")
    view = page.pane.view
    assert mark_matches(view, 'keep "green" öl', ThemeSource(load_tokens(), "light").theme) == 4
    marked = [mark.cursor.selectedText() for mark in view.extraSelections()]
    assert marked == ["keep", "Öl", "Green", "Keep"]
    assert mark_matches(view, " .* ", ThemeSource(load_tokens(), "light").theme) == 0
