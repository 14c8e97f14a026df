"""Queries through the cache: loaded once, old after a change, and never an older value after a newer one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backend_embedded.cache.embedded import EmbeddedCache
from backend_embedded.cache.keys import Kind, Prefix
from backend_embedded.cache.read_through import ReadThrough


class Table:
    """A store that counts how often it is read, and can hold readers up."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {"1": "one", "2": "two"}
        self.reads = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def row(self, id: str) -> Any:
        self.reads += 1
        value = self.rows.get(id)
        self.begun.set()
        await self.go.wait()
        return value

    async def all(self) -> Any:
        self.reads += 1
        return sorted(self.rows.values())


async def test_what_was_found_is_not_looked_for_again_until_it_changes() -> None:
    table, cache = Table(), EmbeddedCache()
    reader = ReadThrough(cache)
    for _ in range(3):
        assert await reader.fetch("task", "1", lambda: table.row("1")) == "one"
    assert table.reads == 1
    table.rows["1"] = "changed"
    assert await reader.fetch("task", "1", lambda: table.row("1")) == "one"
    await reader.changed("task", "1")
    assert await reader.fetch("task", "1", lambda: table.row("1")) == "changed"
    assert await reader.fetch("task", "2", lambda: table.row("2")) == "two"
    table.reads = 0
    await reader.changed("task", "1")
    assert await reader.fetch("task", "2", lambda: table.row("2")) == "two"
    assert table.reads == 0, "a change of one thing leaves the others"
    texts = await cache.scan(Prefix(Kind.ENTITY, ("task", "1")))
    assert len(texts) == 3, "two versions of it, and which one counts"


async def test_lists_are_old_after_any_change_of_their_kind() -> None:
    table = Table()
    reader = ReadThrough(EmbeddedCache())
    for _ in range(2):
        assert await reader.fetch_list("task", {"limit": 5}, table.all) == ["one", "two"]
    assert table.reads == 1
    assert await reader.fetch_list("task", {"limit": 6}, table.all) == ["one", "two"]
    assert table.reads == 2
    table.rows["3"] = "three"
    await reader.changed("agent", "3")
    assert len(await reader.fetch_list("task", {"limit": 5}, table.all)) == 2
    await reader.changed("task", "3")
    assert len(await reader.fetch_list("task", {"limit": 5}, table.all)) == 3
    assert len(await reader.fetch_list("task", {"limit": 6}, table.all)) == 3


async def test_a_whole_kind_can_be_forgotten() -> None:
    table, cache = Table(), EmbeddedCache()
    reader = ReadThrough(cache)
    for id in ("1", "2", "a:b %"):
        table.rows[id] = "old"
        await reader.fetch("task", id, lambda id=id: table.row(id))
        await reader.fetch("agent", id, lambda id=id: table.row(id))
    await reader.fetch_list("task", {}, table.all)
    table.rows = dict.fromkeys(table.rows, "new")
    await reader.forget("task")
    await reader.forget("nothing")
    for id in table.rows:
        assert await reader.fetch("task", id, lambda id=id: table.row(id)) == "new"
        assert await reader.fetch("agent", id, lambda id=id: table.row(id)) == "old"
    assert await reader.fetch_list("task", {}, table.all) == ["new"] * 3


async def test_of_many_who_miss_one_loads() -> None:
    table = Table()
    table.go.clear()
    reader = ReadThrough(EmbeddedCache())
    waiting = [asyncio.create_task(reader.fetch("task", "1", lambda: table.row("1"))) for _ in range(50)]
    await table.begun.wait()
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    table.go.set()
    assert await asyncio.gather(*waiting[1:]) == ["one"] * 49
    assert table.reads == 2, "the first one was given up"
    assert reader._loading == {}


async def test_a_slow_reader_keeps_nothing_that_is_old_already() -> None:
    table = Table()
    table.go.clear()
    reader = ReadThrough(EmbeddedCache())
    slow = asyncio.create_task(reader.fetch("task", "1", lambda: table.row("1")))
    await table.begun.wait()
    table.rows["1"] = "changed"
    await reader.changed("task", "1")
    table.go.set()
    assert await slow == "one"
    assert await reader.fetch("task", "1", lambda: table.row("1")) == "changed"


async def test_a_change_is_told_though_the_one_who_asked_is_gone() -> None:
    table, cache = Table(), EmbeddedCache()
    reader = ReadThrough(cache)
    assert await reader.fetch("task", "1", lambda: table.row("1")) == "one"
    table.rows["1"] = "changed"
    telling = asyncio.create_task(reader.changed("task", "1"))
    await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert telling.cancelled()
    assert await reader.fetch("task", "1", lambda: table.row("1")) == "changed"


async def test_what_is_not_there_and_what_fails_is_asked_again() -> None:
    table = Table()
    reader = ReadThrough(EmbeddedCache())
    for _ in range(2):
        assert await reader.fetch("task", "9", lambda: table.row("9")) is None
    assert table.reads == 2

    async def fails() -> Any:
        raise LookupError("gone")

    for _ in range(2):
        with pytest.raises(LookupError):
            await reader.fetch("task", "1", fails)
    assert await reader.fetch("task", "1", lambda: table.row("1")) == "one"


steps = some.lists(
    some.sampled_from(["read 1", "read 2", "list", "write 1", "write 2", "forget"]), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_no_order_of_reads_writes_and_losses_shows_anything_old(order: list[str]) -> None:
    async def run() -> None:
        table, cache = Table(), EmbeddedCache()
        readers = ReadThrough(cache), ReadThrough(cache)
        for number, step in enumerate(order):
            reader = readers[number % 2]
            word, _, id = step.partition(" ")
            match word:
                case "read":
                    assert await reader.fetch("task", id, lambda id=id: table.row(id)) == table.rows[id]
                case "list":
                    assert await reader.fetch_list("task", {}, table.all) == sorted(table.rows.values())
                case "write":
                    table.rows[id] = f"{id} {number}"
                    await reader.changed("task", id)
                case "forget":
                    cache.forget_values()

    asyncio.run(run())
