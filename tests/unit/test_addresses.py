"""Passwords in addresses: hidden when told, kept when they come back hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.addresses import hidden, whole
from backend_embedded.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", ""),
        ("auto", "auto"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:geheim@127.0.0.1:6379", "redis://:***@127.0.0.1:6379"),
        ("amqp://me@there/", "amqp://me@there/"),
        ("amqp://me:p%40ss@there:5672/%2F?heartbeat=3", "amqp://me:***@there:5672/%2F?heartbeat=3"),
        ("postgresql://me:a:b@c@[::1]:5432/data", "postgresql://me:***@[::1]:5432/data"),
        ("postgresql://me@there/data?password=x&sslmode=require", "postgresql://me@there/data?password=***&sslmode=require"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("http://there/a:b@c", "http://there/a:b@c"),
    ],
)  # fmt: skip
def test_only_the_password_is_hidden(url: str, told: str) -> None:
    assert hidden(url) == told
    assert hidden(told) == told
    assert whole(told, url, "url") == url


WORD = st.text("abcXYZ09%._~!$&'()*+,;=-", min_size=1, max_size=12)


@given(user=WORD, secret=WORD, host=st.sampled_from(["127.0.0.1:6379", "[::1]:1", "there"]))
def test_a_password_goes_out_hidden_and_comes_back_whole(user: str, secret: str, host: str) -> None:
    url = f"redis://{user}:{secret}@{host}/0"
    assert hidden(url) == f"redis://{user}:***@{host}/0"
    assert whole(hidden(url), url, "cache") == url
    assert whole(f"redis://{user}:***@{host}/1", url, "cache") == f"redis://{user}:{secret}@{host}/1"


@pytest.mark.parametrize(
    "other",
    [
        "redis://me:***@elsewhere:6379",
        "redis://me:***@there:6380",
        "redis://you:***@there:6379",
        "rediss://me:***@there:6379",
        "postgresql://me@there/data?password=***",
    ],
)
def test_a_hidden_password_goes_to_no_other_server_or_user(other: str) -> None:
    with pytest.raises(InvalidInput, match="hidden"):
        whole(other, "redis://me:geheim@there:6379", "cache")


def test_a_password_that_is_written_anew_is_taken() -> None:
    assert whole("redis://me:new@there", "redis://me:old@there", "cache") == "redis://me:new@there"
    assert whole("embedded", "redis://me:old@there", "cache") == "embedded"
