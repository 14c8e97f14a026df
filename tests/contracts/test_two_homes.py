"""Several homes on one PostgreSQL database: each ends only its own answers when it starts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from postgres_stage import Stage, ignore
from sqlalchemy import text

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.postgres import PostgresDatabase

pytestmark = pytest.mark.services


@pytest.fixture
def url(postgres: Stage) -> str:
    """A database of its own, with all tables."""
    return postgres.server.url(postgres.server.database(postgres.template))


def backend_of(home_id: UUID | None, url: str) -> PostgresDatabase:
    """The database as the backend of a home opens it."""
    return PostgresDatabase(url, ignore, home_id=home_id)


async def test_a_home_that_starts_leaves_the_answers_of_another_alone(url: str) -> None:
    one, other = uuid4(), uuid4()
    async with backend_of(one, url) as database:
        store = SqlConversationStore(database)
        turn = await store.ask("q", title="T")
        await store.append(turn.answer.id, "a ")
        async with backend_of(other, url) as beside:
            there = SqlConversationStore(beside)
            assert (await there.message(turn.answer.id)).status is MessageStatus.WRITING
            theirs = await there.ask("q", title="T")
            await store.append(turn.answer.id, "whole answer")
            await store.finish(turn.answer.id, MessageStatus.COMPLETE)
            answer = await there.message(turn.answer.id)
            assert (answer.text, answer.status, answer.error) == (
                "a whole answer",
                MessageStatus.COMPLETE,
                None,
            )
            again = await store.answer_again(turn.question.id)  # type: ignore[union-attr]
            await store.finish(again.answer.id, MessageStatus.STOPPED)
            await store.reopen(again.answer.id)
        # The backend of `one` starts again: what it wrote was cut off, what the other writes is not.
        async with backend_of(one, url) as anew:
            store = SqlConversationStore(anew)
            cut = await store.message(again.answer.id)
            assert cut.status is MessageStatus.INCOMPLETE
            assert cut.error is not None
            assert (await store.message(theirs.answer.id)).status is MessageStatus.WRITING


async def test_who_goes_on_with_an_answer_writes_it_from_then_on(url: str) -> None:
    one, other = uuid4(), uuid4()
    async with backend_of(one, url) as database:
        store = SqlConversationStore(database)
        turn = await store.ask("q", title="T")
        await store.finish(turn.answer.id, MessageStatus.STOPPED)
        async with backend_of(other, url) as beside:
            await SqlConversationStore(beside).reopen(turn.answer.id)
            async with backend_of(one, url):
                assert (await store.message(turn.answer.id)).status is MessageStatus.WRITING
        async with backend_of(other, url):
            assert (await store.message(turn.answer.id)).status is MessageStatus.INCOMPLETE


async def test_an_answer_that_nobody_will_end_is_ended_by_whoever_starts(url: str) -> None:
    gone = uuid4()
    async with backend_of(gone, url) as database:
        store = SqlConversationStore(database)
        old, unknown = [(await store.ask("q", title="T")) for _ in range(2)]
        long_ago = datetime.now(UTC) - timedelta(hours=7)

        async def age(connection: Any) -> None:
            await connection.execute(
                text("UPDATE conversations SET updated_at = :at WHERE id = :id"),
                {"at": long_ago, "id": old.conversation.id},
            )
            await connection.execute(
                text("UPDATE messages SET home_id = NULL WHERE id = :id"), {"id": unknown.answer.id}
            )

        await database.write(age)
        async with backend_of(uuid4(), url):
            for turn in (old, unknown):
                assert (await store.message(turn.answer.id)).status is MessageStatus.INCOMPLETE


async def test_of_two_that_start_at_once_on_an_empty_database_both_are_served(postgres: Stage) -> None:
    empty = postgres.server.url(postgres.server.database())

    async def asked(home_id: UUID) -> UUID:
        async with backend_of(home_id, empty) as database:
            return (await SqlConversationStore(database).ask("q", title="T")).answer.id

    first, second = await asyncio.gather(asked(uuid4()), asked(uuid4()))
    assert first != second
