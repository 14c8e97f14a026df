from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from scripted_chat import ROOM

from backend_embedded.contract.context import AnswerContext, ContextPolicy
from backend_embedded.contract.conversations import Conversation, Message, MessageStatus, Seam
from backend_embedded.contract.generation import GenerationStats, Role, SamplingOptions
from backend_embedded.contract.models import Model
from ui.chat.branches.seams import MARK, place_of, with_seams
from ui.chat.chats.ordering import grouped, tags_from, tags_of
from ui.chat.context import meter_state
from ui.chat.finding.finding_state import marked
from ui.chat.footer import footer
from ui.chat.settings_panel.parameters import PARAMETERS, answer_value, schema_from, with_value
from ui.chat.state import ChatState

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)


def test_the_parts_of_the_meter_are_the_whole() -> None:
    assert sum(part.tokens for part in meter_state.parts(ROOM)) == ROOM.size
    assert meter_state.summary(ROOM) == "940 of 2,048 tokens"
    assert meter_state.summary(ROOM.model_copy(update={"exact": False})).startswith("about ")
    assert meter_state.level(ROOM) == "text3"
    assert meter_state.level(ROOM.model_copy(update={"prompt": 1800})) == "degraded"
    assert meter_state.level(ROOM.model_copy(update={"fits": False})) == "down"


def test_choices_tell_their_cost_and_whether_they_help() -> None:
    full = ROOM.model_copy(
        update={"fits": False, "droppable": 0, "enlarged_size": 4096, "enlarged_bytes": 96 * 1024**2}
    )
    by_policy = {choice.policy: choice for choice in meter_state.choices(full)}
    assert not by_policy[ContextPolicy.DROP_OLDEST].usable
    assert "96 MiB" in by_policy[ContextPolicy.ENLARGE].line
    assert by_policy[ContextPolicy.ASK].usable


def test_pinned_and_folders_stand_over_the_days_and_the_archive_apart() -> None:
    def made(title: str, **fields: object) -> Conversation:
        one = Conversation(id=uuid4(), title=title, created_at=NOW, updated_at=NOW)
        return one.model_copy(update=fields)

    all_of_them = (
        made("day"),
        made("pin", pinned=True),
        made("in b", folder="b"),
        made("in A", folder="A"),
        made("away", archived_at=NOW),
    )
    assert [g.title for g in grouped(all_of_them, NOW)] == ["Pinned", "A", "b", "Today"]
    assert [c.title for g in grouped(all_of_them, NOW, archived=True) for c in g.conversations] == ["away"]
    assert tags_from("#a, b,, a") == ("a", "b")


def test_a_tag_narrows_the_list_and_tags_are_counted() -> None:
    def made(title: str, *tags: str) -> Conversation:
        return Conversation(id=uuid4(), title=title, created_at=NOW, updated_at=NOW, tags=tags)

    all_of_them = (made("one", "b", "A"), made("two", "b"), made("three"))
    assert tags_of(all_of_them) == (("A", 1), ("b", 2))
    assert [c.title for g in grouped(all_of_them, NOW, tag="b") for c in g.conversations] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("Half and half", 5, 5),
        ("```py\nx = 1\ny = 2\n```\nAfter", 8, 21),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter", 24, 29),
        ("- one\n- two", 4, 11),
    ],
)
def test_a_seam_does_not_tear_code_lists_and_tables(text: str, offset: int, place: int) -> None:
    assert place_of(text, offset) == place


def test_the_text_around_seams_is_whole() -> None:
    seams = (
        Seam(offset=3, provider="a", model="m", reason="r"),
        Seam(offset=99, provider="b", model="", reason=""),
    )
    source = with_seams("One two", seams)
    words = source.split(MARK)
    assert "".join(words[::2]).replace("\n\n", "") == "One two"
    assert words[1::2] == ["From here on: a · m — r", "From here on: b"]


def test_matches_of_an_excerpt() -> None:
    assert marked("a \u0002b\u0003 c") == (("a ", False), ("b", True), (" c", False))
    assert marked("\u0002b") == (("b", False),)


def test_every_parameter_says_meaning_default_and_range() -> None:
    for parameter in PARAMETERS:
        assert "Default" in parameter.help
        assert parameter.default is None or parameter.low <= parameter.default <= parameter.high
        changed = with_value(SamplingOptions(), parameter.field, parameter.high)
        assert parameter.value_in(SamplingOptions.model_validate(changed.model_dump())) == parameter.high


def test_a_schema_is_checked_before_it_is_taken() -> None:
    assert schema_from(" ") == (None, "")
    assert schema_from('{"type": "object"}') == ({"type": "object"}, "")
    assert "line 1" in schema_from("{")[1]
    assert "object" in schema_from("[1]")[1]
    assert "strange" in schema_from('{"type": "strange"}')[1]
    assert answer_value('{"a": 1}') == (True, {"a": 1})
    assert answer_value("plain") == (False, None)
    assert answer_value("{broken") == (False, None)


def test_a_count_that_the_provider_told_differently_stands_under_the_answer() -> None:
    message = Message(
        id=uuid4(),
        conversation_id=uuid4(),
        parent_id=None,
        role=Role.ASSISTANT,
        text="Yes.",
        status=MessageStatus.COMPLETE,
        created_at=NOW,
        stats=GenerationStats(provider="ollama", model="tinyllama"),
        context=AnswerContext(policy=ContextPolicy.ASK, told_prompt_tokens=1024),
    )
    assert footer(message, None).reason == "Ollama counted 1,024 prompt tokens, not as before sending"
    assert footer(message.model_copy(update={"context": None}), None).reason == ""


def test_models_that_only_make_vectors_are_not_offered() -> None:
    talker = Model(name="tiny", title="Tiny", provider="llama.cpp", path="/t.gguf", size_bytes=1)
    vectors = talker.model_copy(update={"name": "bert", "embeds": True, "default": True})
    state = ChatState(models=(vectors, talker))
    assert state.talkers == (talker,)
    assert state.model == talker
    assert ChatState(models=(vectors,)).model is None
