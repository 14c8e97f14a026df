"""What every store of conversations keeps besides messages: order, files, summaries, presets, whole chats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from postgres_stage import Stage, opened_store

from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.context import AnswerContext, ContextPolicy, Summary
from backend_embedded.contract.conversations import (
    ConversationCreate,
    ConversationPatch,
    ConversationSettings,
    MessageStatus,
    Seam,
)
from backend_embedded.contract.generation import SamplingOptions
from backend_embedded.contract.presets import PresetValues
from backend_embedded.errors import Conflict, InvalidInput, NotFound
from backend_embedded.storage.port import ConversationFilter, ConversationStore, Turn


@pytest_asyncio.fixture
async def store(database_stage: Stage | None, tmp_path: Path) -> AsyncIterator[ConversationStore]:
    async with opened_store(database_stage, tmp_path) as opened:
        yield opened


async def answered(store: ConversationStore, content: str, **where: object) -> Turn:
    turn = await store.ask(content, title=content, **where)  # type: ignore[arg-type]
    await store.append(turn.answer.id, f"an answer to {content}")
    await store.finish(turn.answer.id, MessageStatus.COMPLETE)
    return turn


def file(name: str = "notes.txt", text: str = "some text") -> AttachmentText:
    facts = Attachment(
        id=uuid4(), name=name, media_type="text/plain", size_bytes=9, characters=len(text), tokens=2
    )
    return AttachmentText(attachment=facts, text=text)


async def titles(store: ConversationStore, **wanted: object) -> list[str]:
    page = await store.conversations(wanted=ConversationFilter(**wanted))  # type: ignore[arg-type]
    assert page.total == len(page.conversations)
    return [one.title for one in page.conversations]


async def test_pinned_ones_come_first_and_archived_ones_have_their_own_list(store: ConversationStore) -> None:
    made = [await store.create(ConversationCreate(title=name)) for name in ("one", "two", "three")]
    await store.change(made[0].id, ConversationPatch(pinned=True))
    assert await titles(store) == ["one", "three", "two"]
    away = await store.change(made[2].id, ConversationPatch(archived=True))
    assert away.archived_at is not None
    assert await titles(store) == ["one", "two"]
    assert await titles(store, archived=True) == ["three"]
    assert (await store.change(made[2].id, ConversationPatch(archived=False))).archived_at is None


async def test_folders_hold_what_is_below_them_and_tags_are_told_apart(store: ConversationStore) -> None:
    for title, folder, tags in (
        ("a", "work", ("red",)),
        ("b", "work/deep", ("red", "blue", "red", " ")),
        ("c", "workshop", ()),
    ):
        made = await store.create(ConversationCreate(title=title, folder=folder))
        await store.change(made.id, ConversationPatch(tags=tags))
    assert sorted(await titles(store, folder="work")) == ["a", "b"]
    assert await titles(store, folder="work/deep") == ["b"]
    assert await titles(store, folder="w%") == []
    assert sorted(await titles(store, tag="red")) == ["a", "b"]
    (only,) = (await store.conversations(wanted=ConversationFilter(tag="blue"))).conversations
    assert only.tags == ("red", "blue")


async def test_settings_of_a_conversation_are_kept_whole(store: ConversationStore) -> None:
    settings = ConversationSettings(
        system="Be brief.",
        model="other",
        options=SamplingOptions(temperature=0, seed=7, json_schema={"type": "object"}),
        context_policy=ContextPolicy.DROP_OLDEST,
    )
    made = await store.create(ConversationCreate(title="T", settings=settings))
    assert made.settings == settings
    changed = await store.change(made.id, ConversationPatch(settings=ConversationSettings(system="No.")))
    assert changed.settings == ConversationSettings(system="No.")


async def test_a_proposed_title_never_replaces_one_that_was_given(store: ConversationStore) -> None:
    turn = await answered(store, "what is it")
    assert turn.conversation.titled_by == "question"
    proposed = await store.entitle(turn.conversation.id, "A proposal")
    assert (proposed.title, proposed.titled_by) == ("A proposal", "model")
    assert (await store.entitle(turn.conversation.id, "Another")).title == "A proposal"
    named = await store.create(ConversationCreate(title="Mine"))
    assert named.titled_by == "user"
    assert (await store.entitle(named.id, "Yours")).title == "Mine"


async def test_a_first_question_can_be_asked_anew_beside_the_old_one(store: ConversationStore) -> None:
    first = await answered(store, "one")
    second = await answered(store, "two", conversation_id=first.conversation.id, as_root=True)
    assert first.question is not None
    assert second.question is not None
    assert second.question.parent_id is None
    assert second.question.siblings == (first.question.id, second.question.id)
    assert (await store.message(first.answer.id)).text == "an answer to one"


async def test_two_answers_of_one_question_may_be_written_at_once(store: ConversationStore) -> None:
    turn = await answered(store, "one")
    assert turn.question is not None
    left = await store.answer_again(turn.question.id)
    right = await store.answer_again(turn.question.id)
    await store.append(left.answer.id, "left")
    await store.append(right.answer.id, "right")
    assert (await store.finish(right.answer.id, MessageStatus.COMPLETE)).text == "right"
    assert (await store.conversation(turn.conversation.id)).writing
    assert (await store.finish(left.answer.id, MessageStatus.COMPLETE)).text == "left"


async def test_a_branch_becomes_a_conversation_of_its_own(store: ConversationStore) -> None:
    kept = await store.keep_attachment(file())
    first = await answered(store, "one", attachments=[kept.id])
    chat = first.conversation.id
    await answered(store, "two", conversation_id=chat)
    await store.change(chat, ConversationPatch(settings=ConversationSettings(system="Be kind.")))
    made = await store.branch_off(chat, first.answer.id)
    assert made.id != chat
    assert made.settings.system == "Be kind."
    copied = (await store.branch(made.id)).messages
    assert [message.text for message in copied] == ["one", "an answer to one"]
    assert {message.id for message in copied}.isdisjoint(
        message.id for message in (await store.branch(chat)).messages
    )
    (its_file,) = copied[0].attachments
    await store.remove(chat)
    assert (await store.attachment_text(its_file.id)).text == "some text"
    with pytest.raises(NotFound):
        await store.branch_off(made.id, first.answer.id)


async def test_a_branch_takes_along_what_the_model_did_not_see(store: ConversationStore) -> None:
    first = await answered(store, "one")
    assert first.question is not None
    chat = first.conversation.id
    second = await answered(store, "two", conversation_id=chat)
    summary = Summary(id=uuid4(), text="short", covers=(first.question.id, first.answer.id), tokens=1)
    await store.keep_summary(chat, summary)
    context = AnswerContext(policy=ContextPolicy.SUMMARIZE, unseen=summary.covers, summary=summary)
    await store.set_context(second.answer.id, context)
    made = await store.branch_off(chat, second.answer.id)
    copied = (await store.branch(made.id)).messages
    (its_summary,) = await store.summaries(made.id)
    its_context = copied[-1].context
    assert its_context is not None
    assert its_context.unseen == its_summary.covers == (copied[0].id, copied[1].id)
    assert its_context.summary == its_summary
    await store.change_summary(its_summary.id, "changed in the branch only")
    assert (await store.summaries(chat))[0].text == "short"


async def test_pages_of_hits_follow_each_other_without_a_gap(store: ConversationStore) -> None:
    for number in range(7):
        await answered(store, f"needle {number}")
    whole = await store.search("needle", limit=50)
    assert len(whole) == 7 + 14, "titles, questions and answers"
    pages = [hit for start in range(0, 24, 4) for hit in await store.search("needle", 4, start)]
    assert pages == list(whole)


async def test_a_file_belongs_to_its_question_once_it_is_sent(store: ConversationStore) -> None:
    kept = await store.keep_attachment(file(text="the whole text"))
    unsent = await store.keep_attachment(file("other.txt"))
    turn = await answered(store, "one", attachments=[kept.id])
    assert turn.question is not None
    assert turn.question.attachments == (kept,)
    assert (await store.attachment_text(kept.id)).text == "the whole text"
    with pytest.raises(Conflict):
        await store.remove_attachment(kept.id)
    await store.remove_attachment(unsent.id)
    for gone in (unsent.id, uuid4()):
        with pytest.raises(NotFound):
            await store.attachment_text(gone)
    with pytest.raises(NotFound):
        await store.ask("two", title="T", attachments=[unsent.id])
    assert (await store.conversations()).total == 1, "nothing is half done"


async def test_seams_contexts_and_summaries_are_kept(store: ConversationStore) -> None:
    turn = await answered(store, "one")
    assert turn.question is not None
    seams = [Seam(offset=place, provider="p", model="m", reason="gone") for place in (3, 9)]
    for seam in seams:
        await store.add_seam(turn.answer.id, seam)
    summary = Summary(id=uuid4(), text="short", covers=(turn.question.id,), tokens=1)
    await store.keep_summary(turn.conversation.id, summary)
    context = AnswerContext(policy=ContextPolicy.SUMMARIZE, unseen=(turn.question.id,), summary=summary)
    await store.set_context(turn.answer.id, context)
    found = await store.message(turn.answer.id)
    assert (list(found.seams), found.context) == (seams, context)
    changed = await store.change_summary(summary.id, "shorter")
    assert (changed.text, changed.edited) == ("shorter", True)
    assert await store.summaries(turn.conversation.id) == (changed,)
    with pytest.raises(NotFound):
        await store.change_summary(uuid4(), "x")


async def test_presets_are_kept_by_name(store: ConversationStore) -> None:
    second = await store.keep_preset(PresetValues(name="Poet", system="Rhyme."))
    first = await store.keep_preset(PresetValues(name="Coder", options=SamplingOptions(temperature=0)))
    assert await store.presets() == (first, second)
    with pytest.raises(Conflict):
        await store.keep_preset(PresetValues(name="Poet"))
    changed = await store.keep_preset(PresetValues(name="Bard"), second.id)
    assert (changed.id, changed.name, changed.system) == (second.id, "Bard", "")
    await store.remove_preset(first.id)
    assert await store.presets() == (changed,)
    for gone in (first.id, uuid4()):
        with pytest.raises(NotFound):
            await store.remove_preset(gone)


async def test_a_conversation_goes_out_whole_and_comes_in_again(
    store: ConversationStore, database_stage: Stage | None, tmp_path: Path
) -> None:
    kept = await store.keep_attachment(file())
    first = await answered(store, "one", attachments=[kept.id])
    await answered(store, "two", conversation_id=first.conversation.id)
    await answered(store, "other", conversation_id=first.conversation.id, as_root=True)
    whole = await store.whole(first.conversation.id)
    assert await store.put([whole]) == [None], "exactly this one is here"
    async with opened_store(database_stage, tmp_path / "other") as other:
        assert await other.put([whole]) == [whole.conversation.id]
        assert await other.whole(whole.conversation.id) == whole
        assert len(await other.search("other")) == 2, "the question and its answer"
    await store.change(whole.conversation.id, ConversationPatch(title="Changed here"))
    (copy,) = await store.put([whole])
    assert copy is not None
    assert copy != whole.conversation.id
    again = await store.whole(copy)
    assert [message.text for message in again.messages] == [message.text for message in whole.messages]
    assert (await store.conversation(whole.conversation.id)).title == "Changed here"


async def test_a_torn_file_stores_nothing(store: ConversationStore) -> None:
    turn = await answered(store, "one")
    whole = await store.whole(turn.conversation.id)
    await store.remove(turn.conversation.id)
    for messages in (whole.messages[::-1], (*whole.messages, whole.messages[-1])):
        with pytest.raises(InvalidInput):
            await store.put([whole.model_copy(update={"messages": messages})])
    assert await store.ids() == ()
    strange = whole.conversation.model_copy(update={"leaf_id": uuid4()})
    await store.put([whole.model_copy(update={"conversation": strange})])
    assert (await store.branch(strange.id)).total == 2


async def test_search_finds_titles_phrases_and_one_conversation(store: ConversationStore) -> None:
    one = await answered(store, "the quick brown fox")
    two = await answered(store, "brown and quick")
    everywhere = await store.search("quick brown")
    assert {hit.conversation_id for hit in everywhere} == {one.conversation.id, two.conversation.id}
    assert everywhere[0].in_title
    phrase = await store.search('"quick brown"', conversation_id=one.conversation.id)
    assert {hit.message_id for hit in phrase} == {one.question.id, one.answer.id}  # type: ignore[union-attr]
    assert all("\x02" in hit.snippet and hit.created_at is not None for hit in phrase)
    assert await store.search('"quick brown"', conversation_id=two.conversation.id) == []
    for strange in ('"', "AND (", 'a "b', "*", "col:x", "NEAR(a b)", "\0"):
        await store.search(strange)


async def test_a_page_of_hits_is_full_although_most_are_in_the_bin(store: ConversationStore) -> None:
    now = datetime.now(UTC)
    for number in range(12):
        turn = await answered(store, f"needle {number}")
        if number != 6:
            await store.move_to_bin(turn.conversation.id)
    hits = await store.search("needle", limit=2)
    assert len(hits) == 2
    assert all(hit.created_at is not None and hit.created_at >= now for hit in hits)
