"""Excerpts of what PostgreSQL found, and the words that are searched for, beside SQLite's own."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.storage.excerpt import excerpt
from backend_embedded.storage.found import EXCERPT_WORDS, FIRST, LAST, Query, may_go_on, parts_of
from backend_embedded.storage.versions import Versions

LONG = " ".join(f"w{number}" for number in range(100))


def bare(snippet: str) -> str:
    return snippet.replace(FIRST, "").replace(LAST, "").strip("…")


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("The quick fox", Query(("quick",)), "The \x02quick\x03 fox"),
        ("L'été, à Paris", Query(("ete",)), "L'\x02été\x03, à Paris"),
        ("one two three", Query(("two three",)), "one \x02two three\x03"),
        ("one two one", Query(("one",)), "\x02one\x03 two \x02one\x03"),
        ("beginnings", Query(("begin",)), "beginnings"),
        ("beginnings", Query(("begin",), goes_on=True), "\x02beginnings\x03"),
        ("foo_bar", Query(("bar",)), "foo_\x02bar\x03"),
        ("", Query(("x",)), ""),
        ("?!", Query(("x",)), ""),
    ],
)
def test_what_matches_is_marked(text: str, query: Query, expected: str) -> None:
    assert excerpt(text, query) == expected


def test_of_a_long_text_the_densest_part_is_shown() -> None:
    shown = excerpt(LONG, Query(("w70", "w75")))
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert "\x02w70\x03" in shown
    assert "\x02w75\x03" in shown
    assert len(bare(shown).split()) == EXCERPT_WORDS
    assert excerpt(LONG, Query(("w0",))).startswith("\x02w0\x03 w1")
    assert excerpt(LONG, Query(("w99",))).endswith("\x02w99\x03")


@given(st.text(alphabet=st.sampled_from("ab é_'\n🙂-")), st.sampled_from(["a", "ab", "b a", "é"]))
def test_an_excerpt_is_a_part_of_the_text_and_marks_stand_in_pairs(text: str, part: str) -> None:
    shown = excerpt(text, Query((part,)))
    assert bare(shown) in text
    depth = 0
    for letter in shown:
        depth += (letter == FIRST) - (letter == LAST)
        assert depth in (0, 1)
    assert depth == 0


@given(st.lists(st.sampled_from(["foo", "bar", "Été", "x-y", "a1"]), max_size=7))
def test_short_texts_are_marked_as_sqlite_marks_them(words: list[str]) -> None:
    text = " ".join(words)
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize='unicode61 remove_diacritics 2')")
    connection.execute("INSERT INTO t VALUES (?)", (text,))
    row = connection.execute(
        "SELECT snippet(t, 0, char(2), char(3), '…', 16) FROM t WHERE t MATCH ?", ('"ete"',)
    ).fetchone()
    connection.close()
    if row is not None:
        theirs, ours = row[0].count(FIRST), excerpt(text, Query(("ete",)))
        # SQLite puts marks around neighbours that both match together.
        assert ours.count(FIRST) >= theirs
        assert bare(ours) == bare(row[0]) == text


def test_what_is_typed_is_words_and_phrases() -> None:
    assert parts_of('one "two  three" four') == ("one", "two three", "four")
    assert parts_of('"open end') == ("open end",)
    assert parts_of("+ - \0 ''") == ()
    assert [may_go_on(typed) for typed in ("wor", "w", 'say "wor"', "", 'a "wo')] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_version_changes_with_its_data_and_with_time_where_others_write_too() -> None:
    now = 0.0
    own, shared = Versions(clock=lambda: now), Versions(shared=lambda: True, clock=lambda: now)
    before = own.of("tasks"), own.of("agents"), shared.of("tasks")
    now = 1.5
    assert own.of("tasks") == before[0]
    assert shared.of("tasks") != before[2]
    own.bump("tasks")
    assert own.of("tasks") != before[0]
    assert own.of("agents") == before[1]
    assert own.name("agents") == "agents"
    own.bump_all()
    assert own.of("agents") != before[1]
    placed = Versions(place=lambda: "abc")
    assert placed.name("agents") == "agents~abc", "two homes that share a cache do not read each other's data"
