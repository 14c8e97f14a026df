"""Keys as the specification writes them, and values as bytes."""

from __future__ import annotations

import contextlib
import re
import zlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as some

from backend_embedded.cache.keys import (
    Kind,
    LockKey,
    Prefix,
    ValueKey,
    agent_status_key,
    answer_key,
    entity_key,
    query_id,
    rate_key,
    session_key,
    task_result_key,
    version_key,
)
from backend_embedded.cache.packing import LARGEST_BYTES, Unreadable, pack, unpack

ID = UUID("12345678-1234-5678-1234-567812345678")


def test_keys_and_times_to_live_are_the_specifications() -> None:
    keys = [
        session_key("u1", ID),
        agent_status_key("ai_orchestrator"),
        task_result_key(ID),
        answer_key("prompt"),
        entity_key("task", ID, "v1"),
        version_key("task", ID),
    ]
    assert [(key.text, key.ttl_s) for key in keys] == [
        (f"session:u1:{ID}", 3600),
        ("agent:status:ai_orchestrator", 10),
        (f"task:result:{ID}", 300),
        ("llm:cache:cf07194ee232eb53", 1800),
        (f"cache:task:{ID}:v1", 300),
        (f"cache:task:{ID}:version", 3600),
    ]
    assert LockKey("agent", "planner").text == "lock:agent:planner"
    assert Prefix(Kind.ENTITY, ("task",)).text == "cache:task:"


def test_an_api_key_never_stands_in_a_key() -> None:
    key = rate_key("sk-sutazai-secret", "/v1/chat/completions")
    for text in (key.fixed(7), key.sliding()):
        assert "secret" not in text
        assert re.fullmatch(r"rate:[0-9a-f]{16}:/v1/chat/completions:(7|sliding)", text)
    assert rate_key("other", "/").fixed(1) != rate_key("another", "/").fixed(1)


def test_what_is_no_key_cannot_be_made() -> None:
    for wrong in (
        lambda: agent_status_key(""),
        lambda: entity_key("task", ID, "version"),
        lambda: ValueKey(Kind.SESSION, ("only one part",)),
        lambda: Prefix(Kind.AGENT_STATUS, ("the whole",)),
    ):
        with pytest.raises(ValueError, match=r"part|version"):
            wrong()


@given(some.lists(some.text(min_size=1), min_size=3, max_size=3, unique=True))
def test_no_two_different_things_have_one_key(parts: list[str]) -> None:
    if "version" in parts:
        return
    a, b, c = parts
    texts = {entity_key(*order).text for order in ((a, b, c), (b, a, c), (a, c, b), (a, a, b), (a, b, b))}
    assert len(texts) == 5
    for text in texts:
        assert re.fullmatch(r"cache(:[A-Za-z0-9/@._~%-]+){3}", text)


def test_a_query_has_one_id_in_whatever_order_it_is_told() -> None:
    assert query_id(limit=1, sort="a") == query_id(sort="a", limit=1)
    assert query_id(limit=1) != query_id(limit=2)
    assert query_id(since=datetime(2026, 1, 1, tzinfo=UTC)) != query_id(since=None)


values = some.recursive(
    some.booleans()
    | some.integers(-(2**63), 2**63 - 1)
    | some.floats(allow_nan=False)
    | some.text()
    | some.binary(),
    lambda inner: some.lists(inner | some.none()) | some.dictionaries(some.text(), inner | some.none()),
    max_leaves=30,
)


@given(values)
def test_values_come_back(value: Any) -> None:
    found = unpack(pack(value))
    assert found == value
    assert type(found) is type(value)


@given(some.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        unpack(data)


def test_large_values_are_compressed_and_small_ones_are_not() -> None:
    assert pack("x" * 1_000)[:1] == b"m"
    large = pack("x" * 1_025)
    assert large[:1] == b"z"
    assert len(large) < 100
    assert pack(42) == b"42"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"m",
        b"z123",
        b"--1",
        b"1 2",
        pack("x" * 5_000)[:-1],
        b"z" + zlib.compress(b"\xc1"),
        b"z" + zlib.compress(bytes(LARGEST_BYTES + 1)),
        b"m" + msgpack.packb([1]) + b"rest",
    ],
)
def test_damaged_values_are_told(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpack(data)


def test_what_would_not_come_back_is_not_packed() -> None:
    with pytest.raises(ValueError, match="bytes"):
        pack(bytes(LARGEST_BYTES + 1))
    nested: list[Any] = []
    for _ in range(2_000):
        nested = [nested]
    with pytest.raises(ValueError, match="recursion"):
        pack(nested)
