"""Routing keys, message types, rates."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_stage import KEYS, MAKE, event, task

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import InvalidInput
from backend_embedded.queue.letters import changed_id
from backend_embedded.queue.messages import checked, decode, encode, message_of
from backend_embedded.queue.rates import Rates
from backend_embedded.queue.topology import matches, queue_for

WORD = st.sampled_from(["task", "a", "b", ""])
WORDS = st.lists(WORD, min_size=1, max_size=5).map(".".join)
PATTERNS = st.lists(st.one_of(WORD, st.sampled_from(["*", "#"])), min_size=1, max_size=5).map(".".join)


def by_regex(pattern: str, key: str) -> bool:
    """The same by a regular expression over words that each end in a dot."""
    parts = {"*": r"[^.]*\.", "#": r"(?:[^.]*\.)*"}
    expression = "".join(parts.get(word, re.escape(word) + r"\.") for word in pattern.split("."))
    return re.fullmatch(expression, key + ".") is not None


@given(PATTERNS, WORDS)
def test_topic_patterns(pattern: str, key: str) -> None:
    assert matches(pattern, key) == by_regex(pattern, key)


def test_the_specifications_keys() -> None:
    assert queue_for("task.process") is QueueName.TASK
    assert queue_for("result.done") is QueueName.RESULT
    assert queue_for("event.agent_status_change") is QueueName.EVENT
    with pytest.raises(InvalidInput) as caught:
        queue_for("task.a.b")
    assert "task.*, result.*, event.*" in (caught.value.remedy or "")


@pytest.mark.parametrize("name", list(KEYS))
def test_a_message_survives_its_bytes(name: QueueName) -> None:
    message = MAKE[name](3)
    body = encode(KEYS[name], message)
    assert decode(KEYS[name], body) == message
    assert message_of(KEYS[name], message.model_dump(mode="json")) == message
    assert checked(KEYS[name], message.model_dump(mode="json")) == body


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"no", b'{"event_type": ""}', b"\xff"])
def test_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"no message of the key event\.a"):
        decode("event.a", body)


def test_the_fields_at_fault_are_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        checked("task.a", task().model_dump(mode="json") | {"retry_count": -1, "id": "7"})
    assert [one["field"] for one in caught.value.details["fields"]] == ["id", "retry_count"]


def test_a_field_of_a_newer_program_is_let_through() -> None:
    wire = event().model_dump(mode="json") | {"newer": 1}
    assert message_of("event.a", wire) == event()


def test_rates_are_those_of_the_last_ten_seconds() -> None:
    now_s = 100.0
    counted: list[tuple[QueueName, str]] = []
    rates = Rates(lambda queue, kind: counted.append((queue, kind)), lambda: now_s)
    for _ in range(30):
        rates.count(QueueName.TASK, "published")
    assert rates.per_s(QueueName.TASK, "published") == 3
    assert rates.per_s(QueueName.EVENT, "published") == 0
    now_s = 105.0
    rates.count(QueueName.TASK, "published")
    assert rates.per_s(QueueName.TASK, "published") == 3.1
    now_s = 112.0
    assert rates.per_s(QueueName.TASK, "published") == 0.1
    assert len(counted) == 31


def test_a_changed_letter_has_another_id_and_the_same_change_the_same() -> None:
    own = str(UUID(int=7))
    first = changed_id(own, "task.a", b"{}")
    assert first == changed_id(own, "task.a", b"{}") != UUID(own)
    others = {
        changed_id(own, "task.b", b"{}"),
        changed_id(own, "task.a", b"[]"),
        changed_id("8", "task.a", b"{}"),
    }
    assert len(others | {first}) == 4
