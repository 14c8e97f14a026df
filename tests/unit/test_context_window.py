"""Fitting a prompt into a context: counted once, cut as chosen, refused with what would help."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from uuid import UUID

import pytest
from served_backend import ScriptedModel

from backend_embedded.chat.asked import Asked, Manner, asked
from backend_embedded.chat.context_plan import SMALLEST_ROOM
from backend_embedded.chat.context_window import ContextWindow, Fitted
from backend_embedded.chat.summary import Piece, Told, pieces
from backend_embedded.chat.token_counts import TokenCounts
from backend_embedded.chat.turns import SUMMARY_HEAD, Sent, files_text, system_text
from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.context import ContextPolicy, Summary
from backend_embedded.contract.conversations import Summarizing
from backend_embedded.contract.generation import Queued, Role, SamplingOptions
from backend_embedded.errors import ContextExceeded
from backend_embedded.llm.port import ContextFacts


def words(count: int, word: str = "word") -> str:
    return " ".join([word] * count)


def messages(*counts: int) -> list[Sent]:
    roles = (Role.USER, Role.ASSISTANT)
    return [Sent(UUID(int=at), roles[at % 2], words(count)) for at, count in enumerate(counts)]


def question(
    sent_messages: Sequence[Sent], policy: ContextPolicy = ContextPolicy.ASK, system: str = "", most: int = 5
) -> Asked:
    way = Manner(system, None, SamplingOptions(max_tokens=most), policy)
    return asked(way, sent_messages, continue_last=False)


async def keep(summary: Summary) -> Summary:
    return summary


async def fit(
    model: ScriptedModel, prompt: Asked, known: Summary | None = None
) -> tuple[Fitted, list[Summarizing | Queued]]:
    told: list[Summarizing | Queued] = []
    async with aclosing(ContextWindow(model).fit(prompt, known, keep)) as steps:
        async for step in steps:
            if isinstance(step, Fitted):
                return step, told
            told.append(step)
    raise AssertionError("nothing was fitted")


async def test_a_short_prompt_is_not_counted() -> None:
    model = ScriptedModel()
    fitted, told = await fit(model, question(messages(3, 3, 3)))
    assert (fitted.tokens, fitted.context, told, model.counted) == (None, None, [], [])


async def test_two_thousand_messages_cost_one_round_trip_and_are_remembered() -> None:
    model = ScriptedModel(context_size=200_000)
    counts = TokenCounts(model)
    texts = [f"message {number}" for number in range(2_000)]
    assert await counts.texts(texts, "script") == [2] * 2_000
    assert await counts.texts([*texts, "one more here", ""], "script") == [2] * 2_000 + [3, 0]
    assert [len(batch) for batch in model.counted] == [2_000, 1]
    assert await counts.texts(texts[:2], "another") == [2, 2], "counts belong to one model"


async def test_a_small_memory_of_counts_still_counts_right() -> None:
    counts = TokenCounts(ScriptedModel(), largest=2)
    assert await counts.texts(["a", "b b", "c c c", "a"], "m") == [1, 2, 3, 1]
    assert await counts.texts(["c c c", "a"], "m") == [3, 1]


async def test_asking_refuses_with_the_counts_and_the_choices() -> None:
    model = ScriptedModel(context_size=100, largest_context=1_000)
    with pytest.raises(ContextExceeded) as caught:
        await fit(model, question(messages(40, 40, 40, 40, 10), system="be brief"))
    details = caught.value.details
    assert (details["prompt_tokens"], details["context_size"]) == (172, 100)
    assert details["choices"] == ["drop_oldest", "summarize", "enlarge"]
    use = details["use"]
    assert use["system"] + use["history"] + use["attachments"] + use["question"] + use["overhead"] == 172
    assert (use["droppable"], use["fits"], use["room"]) == (2, False, 0)
    assert use["enlarged_size"] >= 172


async def test_a_question_that_is_too_long_by_itself_has_only_the_larger_context() -> None:
    model = ScriptedModel(context_size=100, largest_context=1_000)
    with pytest.raises(ContextExceeded) as caught:
        await fit(model, question(messages(40, 40, 300), ContextPolicy.DROP_OLDEST))
    assert caught.value.details["choices"] == ["enlarge"]


async def test_the_oldest_turns_are_dropped_and_told() -> None:
    model = ScriptedModel(context_size=100)
    fitted, _ = await fit(model, question(messages(40, 40, 40, 40, 10), ContextPolicy.DROP_OLDEST, "sys"))
    assert [turn.role for turn in fitted.turns] == ["system", "user", "assistant", "user"]
    assert fitted.context is not None
    assert [unseen.int for unseen in fitted.context.unseen] == [0, 1]
    assert fitted.tokens == 91
    assert fitted.context.size == 100


async def test_the_middle_becomes_a_summary_which_is_used_again() -> None:
    model = ScriptedModel(context_size=400, words=("They", " spoke", " of", " ships."))
    prompt = question(messages(*[40] * 12, 10), ContextPolicy.SUMMARIZE, "sys")
    fitted, told = await fit(model, prompt)
    assert fitted.context is not None
    summary = fitted.context.summary
    assert summary is not None
    assert (summary.text, summary.covers) == ("They spoke of ships.", fitted.context.unseen)
    assert fitted.turns[0].content == f"sys\n\n{SUMMARY_HEAD}\nThey spoke of ships."
    assert len(fitted.context.unseen) + len(fitted.turns) - 2 == 12
    progress = [event for event in told if isinstance(event, Summarizing)]
    assert progress[0].done == 0
    assert progress[-1].done == progress[-1].total > 0
    asked_before = len(model.prompts)
    again, told = await fit(model, prompt, summary)
    assert again.turns == fitted.turns
    assert (len(model.prompts), told) == (asked_before, [])


async def test_a_longer_middle_continues_the_summary_that_is_there() -> None:
    model = ScriptedModel(context_size=400, words=("More", " ships."))
    known = Summary(id=UUID(int=99), text="Old facts.", covers=(UUID(int=0), UUID(int=1)), tokens=2)
    fitted, _ = await fit(model, question(messages(*[40] * 14, 10), ContextPolicy.SUMMARIZE), known)
    assert "Old facts." in model.prompts[0].turns[0].content
    assert fitted.context is not None
    assert fitted.context.summary is not None
    assert fitted.context.summary.covers[:2] == known.covers
    assert len(fitted.context.summary.covers) > 2


async def test_the_context_is_enlarged_when_it_was_chosen() -> None:
    model = ScriptedModel(context_size=100, largest_context=1_000)
    fitted, told = await fit(model, question(messages(40, 40, 40, 40, 10), ContextPolicy.ENLARGE))
    assert (fitted.facts.size, fitted.context, len(fitted.turns)) == (200, None, 5)
    assert told == [Queued(place=1)]


async def test_a_context_that_cannot_grow_is_refused() -> None:
    model = ScriptedModel(context_size=100, largest_context=120)
    with pytest.raises(ContextExceeded) as caught:
        await fit(model, question(messages(40, 40, 40, 40, 10), ContextPolicy.ENLARGE))
    assert caught.value.details["choices"] == ["drop_oldest", "summarize"]


class Wordy(ScriptedModel):
    """Its template adds three words to a turn, and ten around everything."""

    async def count_tokens(self, prompt: object) -> int:
        turns = getattr(prompt, "turns", ())
        return 10 + sum(3 + len(turn.content.split()) for turn in turns)


async def test_what_the_template_adds_is_counted() -> None:
    model = Wordy(context_size=1_000)
    use = await ContextWindow(model).use(question(messages(40, 40, 10), system="be brief"))
    assert (use.system, use.history, use.question, use.overhead, use.prompt) == (2, 80, 10, 22, 114)
    assert (use.fits, use.room) == (True, 886)
    model.context_size = 100
    fitted, _ = await fit(model, question(messages(30, 30, 30, 30, 10), ContextPolicy.DROP_OLDEST))
    assert fitted.tokens is not None
    assert fitted.tokens + SMALLEST_ROOM <= 100
    assert len(fitted.turns) == 3


class CutsInSilence(ScriptedModel):
    """A provider that drops what does not fit, and says nothing."""

    async def context(self, model: str | None = None) -> ContextFacts:
        return ContextFacts("script", "ollama", self.context_size, exact=False, refuses=False)


async def test_a_provider_that_cuts_in_silence_is_counted_always() -> None:
    fitted, _ = await fit(CutsInSilence(), question(messages(3, 3, 3)))
    assert fitted.tokens == 9
    with pytest.raises(ContextExceeded):
        await fit(CutsInSilence(context_size=8), question(messages(3, 3, 3)))


def attached(text: str, name: str = "notes.md") -> AttachmentText:
    about = Attachment(
        id=UUID(int=5), name=name, media_type="text/markdown", size_bytes=1, characters=1, tokens=1
    )
    return AttachmentText(attachment=about, text=text)


def test_files_are_fenced_so_that_their_text_cannot_end_the_fence() -> None:
    assert files_text([attached("Hello\n")]) == "File notes.md:\n```\nHello\n```"
    assert files_text([attached("a\n````\nb")]).startswith("File notes.md:\n`````\na\n````\nb\n`````")
    both = files_text([attached("one"), attached("two", "b\n.txt")])
    assert both == "File notes.md:\n```\none\n```\n\nFile b .txt:\n```\ntwo\n```"


def test_the_summary_follows_the_system_prompt() -> None:
    assert system_text("Be kind.", "x") == f"Be kind.\n\n{SUMMARY_HEAD}\nx"
    assert system_text("", "") == ""


def test_long_messages_are_shortened_in_pieces_that_lose_nothing() -> None:
    parts = [Told(message, len(message.text.split())) for message in messages(5, 90, 7, 3)]
    made: list[Piece] = list(pieces(parts, 30))
    assert all(piece.tokens <= 30 for piece in made)
    letters = "".join(piece.text for piece in made).replace("User: ", "").replace("Assistant: ", "")
    assert letters.replace(" ", "").replace("\n", "") == "word" * 105
    assert len(made) > 3


def test_an_empty_answer_is_no_trouble_for_a_summary() -> None:
    parts = [Told(message, 4) for message in messages(1, 0, 1)]
    assert [piece.text for piece in pieces(parts, 100)] == ["User: word\n\nAssistant: \n\nUser: word"]


def test_a_message_without_files_is_its_text() -> None:
    assert Sent(UUID(int=1), Role.USER, "x").content == "x"
    assert Sent(UUID(int=1), Role.USER, "x", "File").content == "File\n\nx"
    assert Sent(UUID(int=1), Role.USER, "", "File").content == "File"
