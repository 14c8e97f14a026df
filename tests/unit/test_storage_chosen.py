"""The database that is exchanged for another one while it is used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from served_backend import until

from backend_embedded.contract.conversations import ConversationCreate
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.errors import Conflict, StorageUnavailable
from backend_embedded.storage.chosen import ChosenDatabase
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.embedded import SqliteDatabase


def ignore(_: CapabilityChanged) -> None:
    pass


class Watched(SqliteDatabase):
    """A database that says when it was closed."""

    closed = False

    async def __aexit__(self, *left: Any) -> None:
        self.closed = True
        await super().__aexit__(*left)


async def test_what_is_exchanged_is_closed_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    before, after = Watched(tmp_path / "a.db", ignore), Watched(tmp_path / "b.db", ignore)
    async with ChosenDatabase(before, ignore) as database:
        store = SqlConversationStore(database)
        await store.create(ConversationCreate(title="T"))
        await after.__aenter__()
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(connection: Any) -> int:
            begun.set()
            await go.wait()
            rows = await connection.exec_driver_sql("SELECT count(*) FROM conversations")
            return int(rows.scalar_one())

        reading = asyncio.create_task(database.read(slow))
        await begun.wait()
        exchanging = asyncio.create_task(database.exchange(after))
        try:
            await until("it is exchanged", lambda: database.current is after)
            assert await store.ids() == (), "who asks from now on is answered by the new one"
            assert not before.closed
            assert not exchanging.done()
        finally:
            go.set()
            await exchanging
        assert await reading == 1
        assert before.closed
    assert after.closed


async def test_while_it_is_looked_whether_it_can_be_held_writes_wait(tmp_path: Path) -> None:
    async with ChosenDatabase(SqliteDatabase(tmp_path / "a.db", ignore), ignore) as database:
        store = SqlConversationStore(database)
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(_: Any) -> None:
            begun.set()
            await go.wait()

        async def hold() -> None:
            async with database.held("It is held."):
                held.set()
                await leave.wait()

        held, leave = asyncio.Event(), asyncio.Event()
        writing = asyncio.create_task(database.write(slow))
        await begun.wait()
        holding = asyncio.create_task(hold())
        waiting = asyncio.create_task(store.create(ConversationCreate(title="T")))
        try:
            await store.ids()
            assert not held.is_set(), "a write is under way"
            assert not waiting.done()
            with pytest.raises(Conflict):
                async with database.held("Twice."):
                    pass
        finally:
            go.set()
            await writing
            await held.wait()
        with pytest.raises(StorageUnavailable, match="It is held"):
            await waiting
        leave.set()
        await holding
        await store.create(ConversationCreate(title="T"))
