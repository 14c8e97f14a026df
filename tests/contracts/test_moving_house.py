"""Moving house to a real PostgreSQL and back: all or nothing, verified, the source untouched whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from data_stage import furnished, home, names_in
from postgres_stage import Stage, ignore
from served_backend import until
from sqlalchemy import insert

from backend_embedded.contract.conversations import ConversationCreate, MessageStatus
from backend_embedded.contract.data import JobState
from backend_embedded.contract.status import State
from backend_embedded.errors import Conflict, InvalidInput, StorageUnavailable
from backend_embedded.storage.copying import summed
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.records import tasks

pg = pytest.mark.parametrize(
    "database_stage", [pytest.param("postgres", marks=pytest.mark.services)], indirect=True, scope="session"
)


@pytest.fixture
def target(database_stage: Stage) -> Iterator[str]:
    """The address of an empty database of the server."""
    name = database_stage.server.database()
    yield database_stage.server.url(name)
    database_stage.server.drop(name)


@pg
async def test_data_moves_to_postgresql_and_back(target: str, tmp_path: Path) -> None:
    async with home(tmp_path, None) as there:
        await furnished(there)
        before, file_before = await there.sums(), there.file.read_bytes()
        moved = await there.done(there.jobs.move(target))
        assert moved.tables == before == await there.sums()
        assert (there.database.dialect, there.named) == ("postgresql", [target])
        assert "secret" not in moved.target
        assert moved.kept == str(there.file)
        assert there.file.read_bytes()[100:] == file_before[100:] or there.file.exists()
        assert len(await there.store.search("needle")) == 6
        turn = await there.store.ask("in PostgreSQL", title="T")
        await there.store.finish(turn.answer.id, MessageStatus.COMPLETE)
        with pytest.raises(Conflict):
            there.jobs.move(target)
        later = await there.sums()
        back = await there.done(there.jobs.back())
        assert back.tables == later == await there.sums()
        assert (there.database.dialect, there.named) == ("sqlite", [target, ""])
        assert [hit.message_id for hit in await there.store.search("PostgreSQL")] == [turn.question.id]  # type: ignore[union-attr]
        async with SqliteDatabase(Path(back.kept), ignore) as old:
            assert await summed(old, lambda *_: None) == before, "the file of before the move is kept"
        again = await there.done(there.jobs.move(target), JobState.FAILED)
        assert again.error is not None
        assert "holds data" in again.error.message
        assert again.error.details["rows"] > 0
        await there.done(there.jobs.move(target, replace=True))
        assert await there.sums() == later


@pg
async def test_a_move_that_is_cut_leaves_the_source_and_nothing_in_the_target(
    target: str, tmp_path: Path
) -> None:
    async with home(tmp_path, None) as there:
        await furnished(there)
        before = await there.sums()
        total = 2 * sum(table.rows for table in before)
        tell: Callable[..., None] = there.jobs._tell
        places = [0, total // 4, total // 2, total - 1]

        def cut(step: str, done: int, whole: int) -> None:
            if done >= places[0]:
                there.jobs._cancelled = True
            tell(step, done, whole)

        there.jobs._tell = cut  # type: ignore[method-assign]
        while places:
            await there.done(there.jobs.move(target), JobState.CANCELLED)
            assert await there.sums() == before
            assert (there.database.dialect, there.named) == ("sqlite", [])
            places.pop(0)
        there.jobs._tell = tell  # type: ignore[method-assign]
        assert (await there.done(there.jobs.move(target))).tables == before


@pg
async def test_a_move_to_a_server_that_is_not_there_fails_with_the_reason(
    database_stage: Stage, tmp_path: Path
) -> None:
    async with home(tmp_path, None) as there:
        await furnished(there)
        before = await there.sums()
        failed = await there.done(there.jobs.move("postgresql://a:b@127.0.0.1:9/c"), JobState.FAILED)
        assert failed.error is not None
        assert "127.0.0.1:9" in failed.error.message
        with pytest.raises(InvalidInput):
            there.jobs.move("mysql://a:b@127.0.0.1/c")
        with pytest.raises(Conflict):
            there.jobs.back()
        assert await there.sums() == before
        await there.store.create(ConversationCreate(title="writes go on"))


@pg
@pytest.mark.timeout(600)
async def test_a_hundred_thousand_rows_move_and_come_back(target: str, tmp_path: Path) -> None:
    async with home(tmp_path, None) as there:
        now = datetime.now(UTC)

        async def fill(connection: Any) -> None:
            rows = [
                {
                    "id": uuid4(), "type": "t", "payload": {"n": n}, "created_at": now, "updated_at": now,
                }
                for n in range(100_000)
            ]  # fmt: skip
            await connection.execute(insert(tasks), rows)

        await there.database.write(fill)
        before = await there.sums()
        job = there.jobs.move(target)
        await until("it has moved", lambda: there.jobs.job().state is not JobState.RUNNING, 280)
        moved = await there.done(job)
        assert moved.tables == before
        assert (moved.done, moved.total) == (200_000, 200_000)
        job = there.jobs.back()
        await until("it is back", lambda: there.jobs.job().state is not JobState.RUNNING, 280)
        assert (await there.done(job)).tables == before


@pg
async def test_while_data_moves_nobody_else_writes_where_it_goes(target: str, tmp_path: Path) -> None:
    async with home(tmp_path, None) as there:
        await furnished(there)
        tell: Callable[..., None] = there.jobs._tell
        refused: list[Exception] = []

        def meanwhile(step: str, done: int, whole: int) -> None:
            tell(step, done, whole)
            if step == "checking messages" and not refused:
                with psycopg.connect(target, autocommit=True) as other:
                    other.execute("SET lock_timeout = '100ms'")
                    with pytest.raises(psycopg.errors.LockNotAvailable) as caught:
                        other.execute("DELETE FROM tasks")
                    refused.append(caught.value)

        there.jobs._tell = meanwhile  # type: ignore[method-assign]
        moved = await there.done(there.jobs.move(target))
        assert refused
        assert moved.tables == await there.sums()


@pg
async def test_when_the_settings_cannot_be_written_everything_stays_as_it_was(
    target: str, tmp_path: Path
) -> None:
    reason = StorageUnavailable("The settings could not be written.")
    async with home(tmp_path, None) as there:
        await furnished(there)
        before = await there.sums()
        there.refusals.append(reason)
        await there.failed(there.jobs.move(target), "could not be written")
        assert there.database.dialect == "sqlite"
        await there.done(there.jobs.move(target, replace=True))
        await there.store.create(ConversationCreate(title="in PostgreSQL"))
        later = await there.sums()
        there.refusals.append(reason)
        await there.failed(there.jobs.back(), "could not be written")
        assert there.database.dialect == "postgresql"
        assert names_in(tmp_path) == ["data.db"], "the old file is in its place"
        async with SqliteDatabase(there.file, ignore) as old:
            assert await summed(old, lambda *_: None) == before
        back = await there.done(there.jobs.back())
        assert back.tables == later == await there.sums()


@pg
async def test_a_source_that_goes_while_it_is_copied_is_named(database_stage: Stage, tmp_path: Path) -> None:
    async with home(tmp_path, database_stage) as there:
        await furnished(there)
        tell: Callable[..., None] = there.jobs._tell
        cuts = 0

        def cut(step: str, done: int, whole: int) -> None:
            nonlocal cuts
            tell(step, done, whole)
            if step == "copying tasks":
                cuts += 1
                database_stage.server.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sutazai'"
                )

        there.jobs._tell = cut  # type: ignore[method-assign]
        failed = await there.failed(there.jobs.back(), f"127.0.0.1:{database_stage.server.port} is gone")
        assert failed.error is not None
        assert failed.error.code == "STORAGE_UNAVAILABLE"
        assert cuts == 3, "it was begun anew, as any call is"
        assert names_in(tmp_path) == [], "of the file nothing is left"
        there.jobs._tell = tell  # type: ignore[method-assign]
        await until("it is there again", lambda: there.database.capability().state is State.OK, 30)
        assert (await there.done(there.jobs.back())).tables == await there.sums()
