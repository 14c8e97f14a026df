"""What every store of conversations keeps to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from postgres_stage import Stage, opened_store

from backend_embedded.contract.conversations import ConversationCreate, ConversationPatch, MessageStatus
from backend_embedded.contract.errors import ErrorBody, ErrorCode
from backend_embedded.contract.generation import GenerationStats, Role
from backend_embedded.errors import Conflict, NotFound
from backend_embedded.storage.port import ConversationFilter, ConversationStore, Turn


@pytest_asyncio.fixture
async def store(database_stage: Stage | None, tmp_path: Path) -> AsyncIterator[ConversationStore]:
    async with opened_store(database_stage, tmp_path / "deep") as opened:
        yield opened


async def one_turn_of_the_loop() -> None:
    loop = asyncio.get_running_loop()
    turned = loop.create_future()
    loop.call_soon(turned.set_result, None)
    await turned


async def answered(store: ConversationStore, content: str, answer: str = "yes", **where: object) -> Turn:
    turn = await store.ask(content, title="T", **where)  # type: ignore[arg-type]
    await store.append(turn.answer.id, answer)
    await store.finish(turn.answer.id, MessageStatus.COMPLETE)
    return turn


async def test_a_first_question_makes_a_conversation(store: ConversationStore) -> None:
    turn = await store.ask("Why?", title="Why?")
    assert turn.question is not None
    assert (turn.conversation.title, turn.conversation.writing) == ("Why?", True)
    assert turn.conversation.leaf_id == turn.answer.id
    assert (turn.question.role, turn.question.text, turn.question.parent_id) == (Role.USER, "Why?", None)
    assert (turn.answer.status, turn.answer.parent_id) == (MessageStatus.WRITING, turn.question.id)
    stats = GenerationStats(provider="p", model="m", completion_tokens=2)
    await store.append(turn.answer.id, "Because ")
    await store.append(turn.answer.id, "of it. 🙂")
    done = await store.finish(turn.answer.id, MessageStatus.COMPLETE, stats)
    assert (done.text, done.stats, done.error) == ("Because of it. 🙂", stats, None)
    assert await store.message(turn.answer.id) == done
    assert not (await store.conversation(turn.conversation.id)).writing


async def test_a_question_goes_below_the_leaf_and_clears_the_draft(store: ConversationStore) -> None:
    made = await store.create(ConversationCreate(title="New chat"))
    await store.change(made.id, ConversationPatch(draft="half a thought"))
    first = await store.ask("one", title="one", conversation_id=made.id)
    assert (first.conversation.title, first.conversation.draft) == ("one", "")
    await store.finish(first.answer.id, MessageStatus.COMPLETE)
    second = await store.ask("two", title="two", conversation_id=made.id)
    assert second.question is not None
    assert second.question.parent_id == first.answer.id
    assert second.conversation.title == "one"


async def test_a_named_conversation_keeps_its_name(store: ConversationStore) -> None:
    made = await store.create(ConversationCreate(title="My name"))
    turn = await store.ask("one", title="one", conversation_id=made.id)
    assert turn.conversation.title == "My name"


async def test_answers_of_one_question_are_siblings(store: ConversationStore) -> None:
    turn = await answered(store, "q")
    assert turn.question is not None
    again = await store.answer_again(turn.question.id)
    assert again.answer.siblings == (turn.answer.id, again.answer.id)
    assert again.conversation.leaf_id == again.answer.id
    with pytest.raises(Conflict):
        await store.answer_again(turn.answer.id)


async def test_an_answer_that_is_written_is_not_built_on(store: ConversationStore) -> None:
    turn = await store.ask("q", title="T")
    with pytest.raises(Conflict):
        await store.ask("next", title="T", conversation_id=turn.conversation.id)
    with pytest.raises(Conflict):
        await store.reopen(turn.answer.id)
    with pytest.raises(Conflict):
        await store.remove(turn.conversation.id)


async def test_a_cut_answer_is_reopened_in_place(store: ConversationStore) -> None:
    turn = await store.ask("q", title="T")
    error = ErrorBody(code=ErrorCode.ENGINE_CRASHED, message="gone", details={"signal": 9})
    await store.append(turn.answer.id, "half")
    cut = await store.finish(turn.answer.id, MessageStatus.INCOMPLETE, None, error)
    assert cut.error == error
    again = await store.reopen(turn.answer.id)
    assert (again.answer.status, again.answer.text, again.answer.error) == (
        MessageStatus.WRITING,
        "half",
        None,
    )
    await store.append(turn.answer.id, " and half")
    await store.finish(turn.answer.id, MessageStatus.COMPLETE)
    assert [hit.message_id for hit in await store.search("half")] == [turn.answer.id]
    assert turn.question is not None
    with pytest.raises(Conflict):
        await store.reopen(turn.question.id)


async def test_a_branch_is_paged_from_its_end(store: ConversationStore) -> None:
    turn = await answered(store, "q0")
    chat = turn.conversation.id
    for number in range(1, 30):
        await answered(store, f"q{number}", conversation_id=chat)
    whole = await store.branch(chat)
    assert (len(whole.messages), whole.total) == (60, 60)
    assert [m.text for m in whole.messages[::2]] == [f"q{n}" for n in range(30)]
    last = await store.branch(chat, limit=20)
    assert (last.messages, last.total) == (whole.messages[-20:], 60)
    before = await store.branch(chat, limit=20, before=last.messages[0].id)
    assert (before.messages, before.total) == (whole.messages[-40:-20], 60)
    assert (await store.branch(chat, before=whole.messages[0].id)).messages == ()
    other = await store.branch(chat, leaf_id=whole.messages[5].id, limit=2)
    assert (other.messages, other.total) == (whole.messages[4:6], 6)


async def test_an_empty_conversation_has_an_empty_branch(store: ConversationStore) -> None:
    made = await store.create(ConversationCreate(title="Empty"))
    assert (await store.branch(made.id)).total == 0


async def test_showing_a_message_shows_the_newest_end_below_it(store: ConversationStore) -> None:
    first = await answered(store, "q0")
    chat = first.conversation.id
    await answered(store, "old", conversation_id=chat)
    new = await answered(store, "new", conversation_id=chat, parent_id=first.answer.id)
    end = await answered(store, "after new", conversation_id=chat)
    assert end.question is not None
    assert end.question.parent_id == new.answer.id
    shown = await store.change(chat, ConversationPatch(leaf_id=first.answer.id))
    assert shown.leaf_id == end.answer.id
    other = await store.create(ConversationCreate(title="Other"))
    with pytest.raises(NotFound):
        await store.change(other.id, ConversationPatch(leaf_id=end.answer.id))


async def test_the_bin_and_back(store: ConversationStore) -> None:
    turn = await answered(store, "a needle")
    chat = turn.conversation.id
    binned = await store.move_to_bin(chat)
    assert binned.deleted_at is not None
    assert (await store.conversations()).total == 0
    assert [
        c.id for c in (await store.conversations(wanted=ConversationFilter(deleted=True))).conversations
    ] == [chat]
    assert await store.search("needle") == []
    back = await store.change(chat, ConversationPatch(restore=True))
    assert back.deleted_at is None
    assert len(await store.search("needle")) == 1


async def test_removed_is_gone_with_its_messages(store: ConversationStore) -> None:
    turn = await answered(store, "a needle")
    chat = turn.conversation.id
    for number in range(20):
        await answered(store, f"needle {number}", conversation_id=chat)
    await store.remove(chat)
    assert await store.search("needle") == []
    for call in (store.conversation(chat), store.message(turn.answer.id), store.branch(chat)):
        with pytest.raises(NotFound):
            await call


async def test_the_list_is_paged_last_changed_first(store: ConversationStore) -> None:
    made = [await store.create(ConversationCreate(title=f"c{number}")) for number in range(7)]
    await store.change(made[2].id, ConversationPatch(title="renamed"))
    page = await store.conversations(limit=3, offset=0)
    assert ([c.title for c in page.conversations], page.total) == (["renamed", "c6", "c5"], 7)
    assert [c.title for c in (await store.conversations(limit=3, offset=6)).conversations] == ["c0"]


async def test_a_draft_does_not_move_a_conversation_up(store: ConversationStore) -> None:
    first, second = (
        await store.create(ConversationCreate(title="first")),
        await store.create(ConversationCreate(title="second")),
    )
    await store.change(first.id, ConversationPatch(draft="…"))
    assert [c.id for c in (await store.conversations()).conversations] == [second.id, first.id]


@pytest.mark.parametrize(
    "query", ['"', "AND", "needle AND", "NEAR(", "*", "a:b", "^x", "(", "\0", "-needle", ""]
)
async def test_no_query_is_read_as_a_language(store: ConversationStore, query: str) -> None:
    await answered(store, "a needle in the hay")
    await store.search(query)


async def test_search_finds_words_their_beginnings_and_accents(store: ConversationStore) -> None:
    turn = await answered(store, "Où est le café ?", "In the Container")
    assert turn.question is not None
    (hit,) = await store.search("cafe")
    assert (hit.message_id, hit.conversation_title) == (turn.question.id, "T")
    assert "\x02café\x03" in hit.snippet
    assert [h.message_id for h in await store.search("the conta")] == [turn.answer.id]
    assert await store.search("the cafe") == []


async def test_what_is_being_written_is_not_found_yet(store: ConversationStore) -> None:
    turn = await store.ask("q", title="T")
    await store.append(turn.answer.id, "needle")
    assert await store.search("needle") == []


async def test_unknown_ids_are_not_found(store: ConversationStore) -> None:
    calls = (
        store.conversation(uuid4()),
        store.change(uuid4(), ConversationPatch(title="x")),
        store.move_to_bin(uuid4()),
        store.remove(uuid4()),
        store.ask("q", title="T", conversation_id=uuid4()),
        store.answer_again(uuid4()),
        store.reopen(uuid4()),
        store.finish(uuid4(), MessageStatus.COMPLETE),
        store.message(uuid4()),
        store.branch(uuid4()),
    )
    for call in calls:
        with pytest.raises(NotFound):
            await call


async def test_a_cancelled_caller_tears_nothing(store: ConversationStore) -> None:
    turn = await store.ask("q", title="T")
    for number in range(50):
        writing = asyncio.create_task(store.append(turn.answer.id, f"{number},"))
        for _ in range(number % 7):
            await one_turn_of_the_loop()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    done = await store.finish(turn.answer.id, MessageStatus.STOPPED)
    pieces = [int(piece) for piece in done.text.split(",") if piece]
    assert pieces == sorted(set(pieces))


async def test_many_write_at_once(store: ConversationStore) -> None:
    turns = await asyncio.gather(*(store.ask(f"q{n}", title="T") for n in range(8)))
    await asyncio.gather(*(store.append(turn.answer.id, "x") for turn in turns for _ in range(20)))
    done = [await store.finish(turn.answer.id, MessageStatus.COMPLETE) for turn in turns]
    assert {message.text for message in done} == {"x" * 20}
