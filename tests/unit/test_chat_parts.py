from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from scripted_backend import ScriptedBackend, finished
from scripted_chat import ROOM

from backend_embedded.contract.context import AnswerContext, ContextPolicy, Summary
from backend_embedded.contract.conversations import ChatStarted, MessageStatus
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import Role, SamplingOptions, Switched, TextDelta
from backend_embedded.contract.presets import PresetValues
from backend_embedded.contract.transfer import ExportFormat
from ui.chat.compare.compare_state import Way
from ui.chat.presenter import ChatPresenter
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from backend_embedded.contract.conversations import Conversation

TIGHT = ROOM.model_copy(update={"fits": False, "prompt": 4000, "room": 0, "droppable": 3})


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the conditions are plain values, not events
            await asyncio.sleep(0)


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
async def presenter(backend: ScriptedBackend) -> AsyncIterator[ChatPresenter]:
    made = ChatPresenter(backend, draft_delay_s=0, pause_s=0, clock=lambda: 10.0)
    made.connection_changed(True)
    await until(lambda: made.state.loaded)
    yield made
    backend.accept()
    await made.close()


async def shown(presenter: ChatPresenter, backend: ScriptedBackend, *texts: str) -> Conversation:
    made = backend.add("A", texts)
    await presenter.resync()
    await presenter.select(made.id)
    return made


async def test_an_edited_first_question_becomes_a_sibling_root(backend, presenter) -> None:
    made = await shown(presenter, backend, "Old question", "Old answer")
    question = presenter.state.transcript.messages[0]
    presenter.draft_changed("half a draft")
    presenter.branches.begin_edit(question.id)
    assert presenter.state.editing == question.id
    presenter.spawn(presenter.send("New question"))
    await until(lambda: backend.scripts)
    request = backend.requests[-1]
    assert (request.content, request.parent_id, request.as_root) == ("New question", None, True)
    assert presenter.state.editing is None
    first = backend.started(made, "New question")
    backend.scripts[-1].put_nowait(first)
    backend.scripts[-1].put_nowait(finished(first, "New answer"))
    await until(lambda: _last(presenter).text == "New answer")
    assert [m.text for m in presenter.state.transcript.messages] == ["New question", "New answer"]
    assert presenter.state.drafts[made.id] == "half a draft"


async def test_a_later_question_is_edited_below_its_parent(backend, presenter) -> None:
    await shown(presenter, backend, "one", "two", "three", "four")
    presenter.branches.edit_last()
    third = presenter.state.transcript.messages[2]
    assert presenter.state.editing == third.id
    presenter.spawn(presenter.send("three, otherwise"))
    await until(lambda: backend.scripts)
    assert backend.requests[-1].parent_id == third.parent_id
    assert not backend.requests[-1].as_root


async def test_ask_again_with_another_model(backend, presenter) -> None:
    await shown(presenter, backend, "q", "a")
    presenter.spawn(presenter.branches.ask_again(presenter.state.transcript.messages[1].id, "smol"))
    await until(lambda: backend.scripts)
    assert backend.requests[-1].model == "smol"
    assert backend.requests[-1].answer_to == presenter.state.transcript.messages[0].id


async def test_branch_from_a_message_shows_the_new_conversation(backend, presenter) -> None:
    made = await shown(presenter, backend, "one", "two", "three", "four")
    await presenter.branches.branch_from(presenter.state.transcript.messages[1].id)
    assert presenter.state.selected != made.id
    assert [m.text for m in presenter.state.transcript.messages] == ["one", "two"]


async def test_a_switch_of_providers_leaves_a_seam(backend, presenter) -> None:
    made = backend.add("A")
    presenter.spawn(presenter.send("Q"))
    await until(lambda: backend.scripts)
    backend.scripts[-1].put_nowait(backend.started(made, "Q"))
    backend.scripts[-1].put_nowait(TextDelta(text="Half ", tokens=1))
    switch = Switched(provider="llama.cpp", model="tiny", reason="Ollama was lost", offset=5)
    backend.scripts[-1].put_nowait(switch)
    backend.scripts[-1].put_nowait(TextDelta(text="and half", tokens=2))
    await until(
        lambda: presenter.state.transcript.messages[-1:] and _last(presenter).text.endswith("and half")
    )
    assert [(s.offset, s.provider) for s in _last(presenter).seams] == [(5, "llama.cpp")]


async def test_the_context_is_asked_once_when_typing_pauses(backend, presenter) -> None:
    await shown(presenter, backend, "q", "a")
    await until(lambda: presenter.state.context)
    before = _count(backend, "context_use")
    for text in ("H", "He", "Hel"):
        presenter.draft_changed(text)
    await until(lambda: _count(backend, "context_use") > before)
    await asyncio.sleep(0)
    assert _count(backend, "context_use") == before + 1
    assert [asked.content for call, asked in backend.asked if call == "context_use"][-1] == "Hel"


async def test_what_does_not_fit_waits_for_a_choice_that_is_kept(backend, presenter) -> None:
    backend.use = TIGHT
    made = await shown(presenter, backend, "q", "a")
    await until(lambda: presenter.state.context)
    await presenter.send("Too much")
    assert backend.requests == []
    assert presenter.state.fit_asked
    await presenter.context.choose(ContextPolicy.DROP_OLDEST)
    assert backend.listed[made.id].settings.context_policy is ContextPolicy.DROP_OLDEST
    presenter.spawn(presenter.send("Too much"))
    await until(lambda: backend.requests)


async def test_while_typing_goes_on_it_is_counted_and_read_ahead_all_the_same(backend) -> None:
    presenter = ChatPresenter(backend, draft_delay_s=0, pause_s=0.02)
    presenter.connection_changed(True)
    await until(lambda: presenter.state.loaded)
    text = ""

    def types_on() -> bool:
        nonlocal text
        text += "x"
        presenter.draft_changed(text)
        return any(asked.content for call, asked in backend.asked if call == "context_use")

    await until(types_on)
    assert all(asked.read_ahead for call, asked in backend.asked if call == "context_use" and asked.content)
    await presenter.close()


async def test_enter_quicker_than_the_meter_is_counted_before_it_is_sent(backend) -> None:
    backend.use = TIGHT
    presenter = ChatPresenter(backend, draft_delay_s=0, pause_s=3600)
    presenter.connection_changed(True)
    await until(lambda: presenter.state.loaded)
    long = "word " * 100
    presenter.draft_changed(long)
    await presenter.send(long)
    assert backend.requests == []
    assert (presenter.state.does_not_fit, presenter.state.sending) == (True, False)
    assert _count(backend, "context_use") == 1
    presenter.spawn(presenter.send("Hi"))
    await until(lambda: _count(backend, "context_use") == 2)
    await presenter.close()


async def test_a_short_first_question_needs_no_count(backend) -> None:
    presenter = ChatPresenter(backend, draft_delay_s=0, pause_s=3600)
    presenter.connection_changed(True)
    await until(lambda: presenter.state.loaded)
    presenter.spawn(presenter.send("Hi"))
    await until(lambda: backend.requests)
    assert _count(backend, "context_use") == 0
    backend.accept()
    await presenter.close()


async def test_a_summary_can_be_edited(backend, presenter) -> None:
    made = await shown(presenter, backend, "q", "a")
    summary = Summary(id=backend.new_id(), text="short", covers=())
    context = AnswerContext(policy=ContextPolicy.SUMMARIZE, summary=summary)
    backend.change_last(made, context=context)
    await presenter.retry_load()
    await presenter.context.edit_summary(_last(presenter).id, "shorter")
    edited = presenter.state.transcript.last_context
    assert edited is not None
    assert (edited.summary.text, edited.summary.edited) == ("shorter", True)


async def test_files_go_with_the_question_and_refused_ones_stay_out(
    backend, presenter, tmp_path: Path
) -> None:
    text, picture = tmp_path / "a.txt", tmp_path / "b.png"
    text.write_text("some words")
    picture.write_bytes(b"\x89PNG\xff\xfe")
    presenter.files.add_paths([str(text), str(picture), str(tmp_path / "gone.txt")])
    await until(lambda: all(f.attachment or f.refused for f in presenter.state.files))
    assert [f.line for f in presenter.state.files] == ["2 tokens", "Refused", "Refused"]
    assert "image" in presenter.state.files[1].refused
    presenter.spawn(presenter.send("Read this"))
    await until(lambda: backend.requests)
    assert len(backend.requests[0].attachments) == 1
    assert presenter.state.files == ()


async def test_a_refused_question_keeps_its_files(backend, presenter) -> None:
    presenter.files.add_text("pasted.txt", "words")
    await until(lambda: presenter.state.files and presenter.state.files[0].attachment)
    backend.refuse(ErrorBody(code=ErrorCode.QUEUE_FULL, message="Full."), "chat")
    await presenter.send("Read this")
    assert [f.name for f in presenter.state.files] == ["pasted.txt"]


async def test_a_search_over_all_jumps_to_the_message(backend, presenter) -> None:
    other = backend.add("Other", ("where is the needle", "in the hay"))
    await shown(presenter, backend, "q", "a")
    presenter.finding.look_everywhere("needle")
    await until(lambda: presenter.state.found.hits)
    await presenter.finding.show(presenter.state.found.hits[0])
    assert presenter.state.selected == other.id
    assert presenter.state.sought == presenter.state.transcript.messages[0].id


async def test_a_hit_far_above_is_loaded_and_the_newest_is_one_press_away(backend, presenter) -> None:
    texts = [f"text {n}" for n in range(600)]
    texts[3] = "the needle"
    await shown(presenter, backend, *texts)
    presenter.finding.look_here("needle")
    await until(lambda: presenter.state.sought)
    assert presenter.state.transcript.message(presenter.state.sought).text == "the needle"
    assert presenter.state.transcript.below == 596
    await presenter.retry_load()
    assert _last(presenter).text == "text 599"


async def test_a_hit_on_another_branch_is_shown_on_it(backend, presenter) -> None:
    made = await shown(presenter, backend, "q", "a")
    question = presenter.state.transcript.messages[0]
    aside = backend.message(made.id, Role.ASSISTANT, "the needle", question.id)
    backend.branches[aside.id] = [question, aside]
    hit = (await backend.search("q"))[0].model_copy(update={"message_id": aside.id})
    await presenter.finding.show(hit)
    assert backend.patches[-1][1].leaf_id == aside.id


async def test_pin_folder_tags_archive_and_the_name_of_a_file(backend, presenter) -> None:
    made = await shown(presenter, backend, "q", "a")
    await presenter.keeping.pin(made.id, True)
    await presenter.keeping.put_in_folder(made.id, " Work / Logs ")
    await presenter.keeping.tag(made.id, ("x",))
    await presenter.keeping.archive(made.id, True)
    kept = backend.listed[made.id]
    assert (kept.pinned, kept.folder, kept.tags) == (True, "Work/Logs", ("x",))
    assert kept.archived_at is not None
    assert presenter.keeping.file_name(made.id, ExportFormat.MARKDOWN) == "A.md"


async def test_settings_of_a_new_chat_are_stored_with_its_first_message(backend, presenter) -> None:
    await presenter.choosing.change(system="Be brief.")
    assert presenter.state.settings.system == "Be brief."
    made = backend.add("A")
    presenter.spawn(presenter.send("Q"))
    await until(lambda: backend.requests)
    assert backend.requests[0].system == "Be brief."
    first = backend.started(made, "Q")
    backend.scripts[0].put_nowait(first)
    backend.scripts[0].put_nowait(finished(first, "A."))
    await until(lambda: backend.listed[made.id].settings.system == "Be brief.")


async def test_presets_are_saved_used_and_passed_on(backend, presenter) -> None:
    await shown(presenter, backend, "q", "a")
    await presenter.choosing.change(system="Be brief.", options=SamplingOptions(temperature=0.1))
    await presenter.choosing.save_preset("Brief")
    preset = presenter.state.presets[0]
    assert presenter.state.settings.preset_id == preset.id
    await presenter.choosing.use_preset(None)
    assert presenter.state.settings.system == ""
    await presenter.choosing.use_preset(preset.id)
    assert presenter.state.settings.options.temperature == 0.1
    data = await presenter.choosing.exported_presets()
    await presenter.choosing.delete_preset(preset.id)
    assert presenter.state.presets == ()
    await presenter.choosing.import_presets(data)
    assert [p.name for p in presenter.state.presets] == ["Brief"]
    with pytest.raises(ClientError):
        await presenter.choosing.import_presets(b"nothing")


async def test_side_by_side_asks_siblings_and_one_goes_on(backend, presenter) -> None:
    made = await shown(presenter, backend, "q", "a")
    ways = (Way("tiny", "Tiny"), Way("smol", "Smol"))
    presenter.draft_changed("Which?")
    presenter.spawn(presenter.comparing.start("Which?", ways))
    await until(lambda: backend.scripts)
    assert (presenter.state.draft, presenter.state.comparison.answering) == ("", True)
    first = backend.started(made, "Which?", _last(presenter).id)
    backend.scripts[0].put_nowait(first)
    await until(lambda: len(backend.scripts) == 2)
    assert backend.requests[1].answer_to == first.answer.parent_id
    assert [r.model for r in backend.requests] == ["tiny", "smol"]
    other = backend.message(made.id, Role.ASSISTANT, "", first.answer.parent_id, status=MessageStatus.WRITING)
    backend.scripts[1].put_nowait(ChatStarted(conversation=made, answer=other))
    backend.scripts[1].put_nowait(TextDelta(text="Mine", tokens=1))
    await until(lambda: (c := presenter.state.comparison.columns[1]).answer and c.answer.text == "Mine")
    backend.scripts[0].put_nowait(finished(first, "Yours"))
    await until(lambda: presenter.state.comparison.columns[0].answer.text == "Yours")
    assert presenter.state.comparison.answering
    backend.branches[other.id] = [*backend.stored[made.id], first.user_message, other]
    await presenter.comparing.take(1)
    assert presenter.state.comparison is None
    assert backend.patches[-1][1].leaf_id == other.id
    await until(lambda: backend.closed == 2)


async def test_a_comparison_whose_question_is_refused_says_so(backend, presenter) -> None:
    backend.refuse(ErrorBody(code=ErrorCode.QUEUE_FULL, message="Full."), "chat")
    await presenter.comparing.start("Which?", (Way("tiny", "Tiny"), Way("smol", "Smol")))
    await until(lambda: all(c.problem for c in presenter.state.comparison.columns))
    assert [c.problem for c in presenter.state.comparison.columns] == [
        "Full.",
        "The question was not stored.",
    ]
    assert (presenter.state.draft, presenter.state.comparison.answering) == ("Which?", False)
    await presenter.comparing.leave()
    assert presenter.state.comparison is None


async def test_a_preset_named_anew_replaces_nothing_else(backend, presenter) -> None:
    saved = await backend.save_preset(PresetValues(name="One"))
    await presenter.choosing.load_presets()
    await presenter.choosing.rename_preset(saved.id, "Two")
    assert [p.name for p in presenter.state.presets] == ["Two"]


def _last(presenter: ChatPresenter):
    return presenter.state.transcript.messages[-1]


def _count(backend: ScriptedBackend, call: str) -> int:
    return [name for name, _ in backend.asked].count(call)
