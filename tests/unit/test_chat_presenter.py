from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from scripted_backend import UNREACHABLE, ScriptedBackend

from backend_embedded.contract.conversations import (
    ChatFailed,
    ChatFinished,
    ChatStarted,
    Conversation,
    Message,
    MessageStatus,
)
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.events import ConversationChanged, ModelsChanged, RunnerExited
from backend_embedded.contract.generation import (
    GenerationStats,
    PromptProgress,
    Queued,
    Role,
    TextDelta,
)
from backend_embedded.contract.models import Model
from ui.chat.live_answer import Phase
from ui.chat.presenter import ChatPresenter
from ui.client.port import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

STATS = GenerationStats(provider="llama.cpp", model="tiny", completion_tokens=3, tokens_per_s=38.2)


def texts(count: int) -> list[str]:
    return [f"text {number}" for number in range(count)]


class Listener:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.finished: list[Message] = []
        self.states: list[Any] = []

    def state_changed(self, state: Any) -> None:
        self.states.append(state)

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        self.texts.append(text)

    def answer_finished(self, conversation_id: UUID, message: Message) -> None:
        self.finished.append(message)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the conditions are plain values, not events
            await asyncio.sleep(0)


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
async def presenter(backend: ScriptedBackend):
    made = ChatPresenter(backend, draft_delay_s=0, clock=lambda: 10.0)
    made.connection_changed(True)
    await until(lambda: made.state.loaded)
    yield made
    backend.accept()
    await made.close()


async def begin(
    presenter: ChatPresenter, backend: ScriptedBackend, conversation: Conversation
) -> ChatStarted:
    presenter.spawn(presenter.send("What is a container?"))
    count = len(backend.scripts)
    await until(lambda: len(backend.scripts) > count)
    first = backend.started(conversation, "What is a container?")
    backend.scripts[-1].put_nowait(first)
    await until(lambda: first.answer.id in presenter.state.live)
    return first


async def test_a_first_question_makes_a_conversation_and_streams(backend, presenter) -> None:
    listener = Listener()
    presenter.listen(listener)
    conversation = backend.add("What is a container?")
    first = await begin(presenter, backend, conversation)
    assert backend.requests[0].conversation_id is None
    assert presenter.state.selected == conversation.id
    script = backend.scripts[0]
    script.put_nowait(Queued(place=2))
    await until(lambda: presenter.state.live_here.phase is Phase.QUEUED)
    assert presenter.state.live_here.status_line() == "Queued, place 2"
    script.put_nowait(PromptProgress(done=412, total=940))
    await until(lambda: presenter.state.live_here.phase is Phase.READING)
    assert presenter.state.live_here.status_line() == "Reading prompt 412 of 940 tokens"
    for number, text in enumerate(("A box ", "for ", "programs."), 1):
        script.put_nowait(TextDelta(text=text, tokens=number))
    await until(lambda: len(listener.texts) == 3)
    assert presenter.state.transcript.messages[-1].text == "A box for programs."
    assert "An answer is being written" in presenter.state.cannot_send
    done = first.answer.model_copy(
        update={"text": "A box for programs.", "status": MessageStatus.COMPLETE, "stats": STATS}
    )
    script.put_nowait(ChatFinished(answer=done))
    await until(lambda: not presenter.state.live)
    assert presenter.state.transcript.messages[-1] == done
    assert listener.finished == [done]
    assert presenter.state.cannot_send == ""


async def test_a_list_read_before_the_first_question_does_not_take_its_chat_away(
    backend, presenter, monkeypatch
) -> None:
    read, answered = asyncio.Event(), asyncio.Event()
    of_backend = backend.conversations

    async def late(limit: int = 100, offset: int = 0, *, archived: bool = False) -> list[Conversation]:
        listed = await of_backend(limit, offset, archived=archived)
        read.set()
        await answered.wait()
        return listed

    monkeypatch.setattr(backend, "conversations", late)
    reading = asyncio.create_task(presenter.resync())
    await read.wait()
    conversation = backend.add("What is a container?")
    await begin(presenter, backend, conversation)
    answered.set()
    await reading
    assert presenter.state.selected == conversation.id
    assert [c.id for c in presenter.state.conversations] == [conversation.id]
    assert presenter.state.live_here is not None


async def test_stop_closes_the_stream_and_keeps_the_text(backend, presenter) -> None:
    conversation = backend.add("A")
    await begin(presenter, backend, conversation)
    backend.scripts[0].put_nowait(TextDelta(text="Half an ans", tokens=3))
    await until(lambda: presenter.state.transcript.messages[-1].text == "Half an ans")
    presenter.stop()
    await until(lambda: backend.closed == 1 and not presenter.state.live)
    last = presenter.state.transcript.messages[-1]
    assert (last.text, last.status) == ("Half an ans", MessageStatus.STOPPED)
    assert presenter.state.cannot_send == ""


async def test_stop_before_anything_was_stored(backend, presenter) -> None:
    presenter.spawn(presenter.send("Hello"))
    await until(lambda: backend.scripts)
    assert presenter.state.sending
    presenter.stop()
    await until(lambda: not presenter.state.sending)
    assert backend.closed == 1


async def test_a_refused_question_comes_back_as_the_draft(backend, presenter) -> None:
    refusal = ErrorBody(code=ErrorCode.CONTEXT_EXCEEDED, message="Too long.")
    backend.refuse(refusal, "chat")
    await presenter.send("A long question")
    assert presenter.state.failure == refusal
    assert presenter.state.drafts[None] == "A long question"


async def test_a_lost_backend_keeps_the_text_and_the_store_has_the_last_word(backend, presenter) -> None:
    conversation = backend.add("A")
    first = await begin(presenter, backend, conversation)
    backend.scripts[0].put_nowait(TextDelta(text="Seen by the user", tokens=3))
    await until(lambda: presenter.state.transcript.messages[-1].text)
    backend.refuse()
    backend.scripts[0].put_nowait(ClientError(UNREACHABLE))
    presenter.connection_changed(False)
    await until(lambda: not presenter.state.live)
    last = presenter.state.transcript.messages[-1]
    assert (last.text, last.status) == ("Seen by the user", MessageStatus.INCOMPLETE)
    assert last.error == UNREACHABLE
    assert "lost" in presenter.state.cannot_send
    kept = first.answer.model_copy(
        update={"text": "Seen by the user, and more", "status": MessageStatus.INCOMPLETE}
    )
    backend.stored[conversation.id] = [first.user_message, kept]
    backend.accept()
    presenter.connection_changed(True)
    await until(lambda: presenter.state.transcript.messages[-1] == kept)
    presenter.spawn(presenter.continue_answer(kept.id))
    await until(lambda: len(backend.scripts) == 2)
    assert backend.requests[1].continue_message == kept.id
    again = ChatStarted(
        conversation=conversation, answer=kept.model_copy(update={"status": MessageStatus.WRITING})
    )
    backend.scripts[1].put_nowait(again)
    backend.scripts[1].put_nowait(TextDelta(text=" text", tokens=9))
    await until(lambda: presenter.state.transcript.messages[-1].text.endswith("more text"))
    assert len(presenter.state.transcript.messages) == 2


async def test_two_conversations_stream_at_once(backend, presenter) -> None:
    one, two = backend.add("one"), backend.add("two")
    first = await begin(presenter, backend, one)
    presenter.new_chat()
    second = await begin(presenter, backend, two)
    backend.scripts[0].put_nowait(TextDelta(text="first", tokens=1))
    backend.scripts[1].put_nowait(TextDelta(text="second", tokens=1))
    await until(lambda: presenter.state.transcript.messages[-1].text == "second")
    assert set(presenter.state.live) == {first.answer.id, second.answer.id}
    assert presenter.state.writing == {one.id, two.id}
    backend.stored[one.id] = [first.user_message, first.answer]
    await presenter.select(one.id)
    assert presenter.state.transcript.messages[-1].text == "first"
    presenter.stop()
    await until(lambda: set(presenter.state.live) == {second.answer.id})


async def test_selecting_loads_the_last_page_and_older_on_demand(backend, presenter) -> None:
    conversation = backend.add("long", texts(50))
    await presenter.resync()
    await presenter.select(conversation.id)
    assert [m.text for m in presenter.state.transcript.messages] == [f"text {n}" for n in range(30, 50)]
    assert presenter.state.transcript.has_older
    await presenter.load_older()
    await presenter.load_older()
    assert len(presenter.state.transcript.messages) == 50
    assert not presenter.state.transcript.has_older
    await presenter.load_older()
    assert [call for call, _ in backend.asked].count("messages") == 3


async def test_a_late_page_of_another_conversation_is_dropped(backend, presenter) -> None:
    one, two = backend.add("one", texts(2)), backend.add("two", texts(4))
    slow = asyncio.ensure_future(presenter.select(one.id))
    await asyncio.sleep(0)
    await presenter.select(two.id)
    await slow
    assert presenter.state.selected == two.id
    assert len(presenter.state.transcript.messages) == 4


async def test_ask_again_and_the_arrows_between_siblings(backend, presenter) -> None:
    conversation = backend.add("A", texts(2))
    await presenter.resync()
    await presenter.select(conversation.id)
    question, old = presenter.state.transcript.messages
    presenter.spawn(presenter.ask_again(old.id))
    await until(lambda: backend.scripts)
    assert backend.requests[0].answer_to == question.id
    new = backend.message(conversation.id, Role.ASSISTANT, "", question.id, status=MessageStatus.WRITING)
    new = new.model_copy(update={"siblings": (old.id, new.id)})
    backend.scripts[0].put_nowait(ChatStarted(conversation=conversation, answer=new))
    await until(lambda: presenter.state.transcript.messages[-1].id == new.id)
    assert [m.id for m in presenter.state.transcript.messages] == [question.id, new.id]
    backend.scripts[0].put_nowait(
        ChatFinished(answer=new.model_copy(update={"status": MessageStatus.COMPLETE, "text": "other"}))
    )
    await until(lambda: not presenter.state.live)
    await presenter.show_sibling(new.id, -1)
    assert backend.patches[-1][1].leaf_id == old.id
    assert presenter.state.transcript.messages[-1].id == old.id


async def test_rename_delete_and_undo(backend, presenter) -> None:
    conversation = backend.add("Old name", texts(2))
    await presenter.resync()
    await presenter.select(conversation.id)
    await presenter.rename(conversation.id, "  New name ")
    assert presenter.state.title == "New name"
    await presenter.delete(conversation.id)
    assert presenter.state.conversations == ()
    assert presenter.state.selected is None
    await presenter.undo_delete()
    assert presenter.state.selected == conversation.id
    assert len(presenter.state.transcript.messages) == 2


async def test_drafts_are_saved_and_kept_apart(backend, presenter) -> None:
    one, two = backend.add("one"), backend.add("two")
    await presenter.resync()
    await presenter.select(one.id)
    presenter.draft_changed("for one")
    await presenter.select(two.id)
    presenter.draft_changed("for two")
    await until(
        lambda: backend.listed[one.id].draft == "for one" and backend.listed[two.id].draft == "for two"
    )
    assert presenter.state.drafts == {one.id: "for one", two.id: "for two"}


async def test_a_draft_typed_while_the_first_answer_starts_stays(backend, presenter) -> None:
    conversation = backend.add("A")
    presenter.spawn(presenter.send("Question"))
    await until(lambda: backend.scripts)
    presenter.draft_changed("and another thing")
    backend.scripts[0].put_nowait(backend.started(conversation, "Question"))
    await until(lambda: presenter.state.live)
    assert presenter.state.drafts[conversation.id] == "and another thing"


async def test_events_change_the_list_and_the_models(backend, presenter) -> None:
    conversation = backend.add("From elsewhere", texts(2))
    presenter.event_arrived(ConversationChanged(conversation=conversation))
    assert [c.title for c in presenter.state.conversations] == ["From elsewhere"]
    gone = conversation.model_copy(update={"deleted_at": backend.now})
    presenter.event_arrived(ConversationChanged(conversation=gone))
    assert presenter.state.conversations == ()
    model = Model(name="tiny", title="Tiny", provider="llama.cpp", path="/m", size_bytes=1, default=True)
    presenter.event_arrived(ModelsChanged(models=(model,)))
    assert presenter.state.model == model
    presenter.event_arrived(RunnerExited(model="tiny", message="x", restart_in_s=1, stderr_tail=("a",)))
    assert presenter.state.runner_log == ("a",)


async def test_the_welcome_ends_with_the_first_answer(backend) -> None:
    ended: list[bool] = []
    presenter = ChatPresenter(
        backend, first_run=True, on_welcome_ended=lambda: ended.append(True), draft_delay_s=0
    )
    presenter.connection_changed(True)
    first = await begin(presenter, backend, backend.add("A"))
    assert presenter.state.welcome
    backend.scripts[0].put_nowait(ChatFinished(answer=first.answer.model_copy(update={"text": "Yes."})))
    await until(lambda: not presenter.state.welcome)
    assert ended == [True]
    await presenter.close()


async def test_close_stops_every_stream(backend, presenter) -> None:
    await begin(presenter, backend, backend.add("one"))
    presenter.new_chat()
    await begin(presenter, backend, backend.add("two"))
    await presenter.close()
    assert backend.closed == 2


async def test_a_failed_answer_shows_its_error(backend, presenter) -> None:
    first = await begin(presenter, backend, backend.add("A"))
    error = ErrorBody(code=ErrorCode.ENGINE_CRASHED, message="It was ended by signal 9.")
    answer = first.answer.model_copy(update={"text": "kept", "status": MessageStatus.INCOMPLETE})
    backend.scripts[0].put_nowait(ChatFailed(error=error, answer=answer))
    await until(lambda: not presenter.state.live)
    assert presenter.state.transcript.messages[-1].error == error


async def test_the_conversation_of_the_last_start_is_shown_again(backend) -> None:
    kept = backend.add("What is a container?")
    told: list[object] = []
    presenter = ChatPresenter(backend, selected=kept.id, on_selected=told.append)
    presenter.connection_changed(True)
    await until(lambda: presenter.state.loaded and not presenter.state.transcript.loading)
    assert presenter.state.selected == kept.id
    assert told == []
    presenter.new_chat()
    assert told == [None]
    await presenter.close()
