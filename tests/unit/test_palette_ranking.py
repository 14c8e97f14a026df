"""What a few typed letters find, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.shell.actions import Action, ActionTable
from ui.shell.ranking import grouped, match, ranked


def action(title: str, group: str = "Actions", **more: object) -> Action:
    return Action(title, title, lambda: None, group, **more)  # type: ignore[arg-type]


def titles(query: str, *names: str) -> list[str]:
    found = ranked(query, [action(name) for name in names], lambda _: 0)
    return [item.title for item, _ in found]


def test_prefix_of_a_word_comes_before_a_part_of_one_and_that_before_scattered_letters() -> None:
    names = ("Grass on water", "Address book", "Restart backend", "Undo rest", "Roll every stone")
    assert titles("res", *names) == ["Restart backend", "Undo rest", "Address book", "Roll every stone"]


def test_the_one_used_last_comes_first_among_equals() -> None:
    used = {"New folder": 1, "New chat": 0}
    found = ranked("new", [action("New folder"), action("New chat")], used.__getitem__)
    assert [item.title for item, _ in found] == ["New chat", "New folder"]


def test_spans_mark_the_letters_that_match() -> None:
    hit = match("be", "Restart backend")
    assert hit is not None
    assert [("Restart backend"[a:b]) for a, b in hit.spans] == ["b", "e"]
    prefixes = match("re ba", "Restart backend")
    assert prefixes is not None
    assert prefixes.spans == ((0, 2), (8, 10))


def test_what_does_not_match_is_left_out() -> None:
    assert titles("xyz", "Restart backend") == []


@given(st.text(max_size=12), st.text(max_size=30))
def test_spans_lie_in_the_title_in_order(query: str, title: str) -> None:
    hit = match(query, title)
    if hit is not None:
        edges = [edge for span in hit.spans for edge in span]
        assert edges == sorted(edges)
        assert all(0 <= edge <= len(title) for edge in edges)


@given(st.text(min_size=1, max_size=30))
def test_every_title_is_found_by_itself(title: str) -> None:
    assert match(title, title) is not None


def test_groups_follow_their_best_match_and_are_cut() -> None:
    many = [action(f"Chat {n}", "Chats") for n in range(20)]
    groups = grouped(ranked("c", [*many, action("Copy")], lambda _: 0))
    assert [(name, len(members)) for name, members in groups] == [("Chats", 8), ("Actions", 1)]


class TestActionTable:
    def test_offers_what_belongs_to_the_page_and_can_be_done(self) -> None:
        table = ActionTable()
        table.add(action("Everywhere"), action("Here", page="chat"), action("There", page="settings"))
        table.add(action("Not now", enabled=lambda: False))
        table.add_source(lambda: [action("Made on demand", "Chats")])
        assert [a.title for a in table.available("chat")] == ["Everywhere", "Here", "Made on demand"]

    def test_remembers_what_was_used(self) -> None:
        kept: list[tuple[str, ...]] = []
        table = ActionTable(used=["Old"], on_used=kept.append)
        table.add(action("Old"), action("New"))
        table.run(table.fixed()[1])
        assert [a.title for a in table.recent("")] == ["New", "Old"]
        assert kept == [("New", "Old")]

    def test_does_nothing_when_it_cannot_be_done_now(self) -> None:
        done: list[int] = []
        table = ActionTable()
        table.run(Action("x", "X", lambda: done.append(1), enabled=lambda: False))
        assert done == []

    def test_a_shortcut_means_one_thing_on_a_page(self) -> None:
        table = ActionTable()
        table.add(action("A", shortcut="Ctrl+N", page="chat"), action("B", shortcut="Ctrl+N", page="board"))
        with pytest.raises(ValueError, match="taken by 'A'"):
            table.add(action("C", shortcut="Ctrl+N"))
