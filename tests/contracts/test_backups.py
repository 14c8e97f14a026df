"""Backups and putting them back: whole or not at all, verified, on each database."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from data_stage import furnished, home, names_in
from postgres_stage import Stage

from backend_embedded.contract.conversations import ConversationCreate, MessageStatus
from backend_embedded.contract.data import JobState
from backend_embedded.contract.status import State
from backend_embedded.errors import Conflict, ControlCenterError, InvalidInput, NotFound, StorageUnavailable


async def test_a_backup_is_put_back_as_it_was(database_stage: Stage | None, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        before = await there.sums()
        assert sum(table.rows for table in before) > 60
        made = await there.done(there.jobs.backup(backup))
        assert made.tables == before
        assert set(names_in(tmp_path)) <= {"backup.db", "home"}, "nothing of the work is left"
        assert backup.read_bytes().startswith(b"SQLite format 3\0")
        for conversation_id in await there.store.ids():
            await there.store.remove(conversation_id)
        await there.store.create(ConversationCreate(title="later"))
        assert await there.sums() != before
        restored = await there.done(there.jobs.restore(backup))
        assert restored.tables == before == await there.sums()
        assert len(await there.store.search("needle")) == 6, "what was put back is found"
        turn = await there.store.ask("after", title="T")
        assert turn.question is not None, "numbers go on after those that were put back"
        assert there.database.capability().state is State.OK


async def test_a_backup_of_one_database_is_put_into_the_other(
    database_stage: Stage | None, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "one", None) as one:
        await furnished(one)
        await one.done(one.jobs.backup(backup))
        before = await one.sums()
    async with home(tmp_path / "two", database_stage) as two:
        await two.done(two.jobs.restore(backup))
        assert await two.sums() == before


async def test_a_backup_is_made_while_the_program_writes(
    database_stage: Stage | None, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        job = there.jobs.backup(backup)
        written = 0
        while there.jobs.job().state is JobState.RUNNING:
            await there.store.create(ConversationCreate(title=f"{written}"))
            written += 1
        await there.done(job)
        assert written
        connection = sqlite3.connect(backup)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


async def test_a_damaged_backup_changes_nothing(database_stage: Stage | None, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        await there.done(there.jobs.backup(backup))
        before = await there.sums()
        whole = backup.read_bytes()
        backup.write_bytes(whole[: len(whole) // 2] + b"\xff" * 5_000)
        await there.failed(there.jobs.restore(backup), "damaged")
        backup.write_bytes(b"no database")
        await there.failed(there.jobs.restore(backup), "no backup")
        backup.write_bytes(whole)
        with closing(sqlite3.connect(backup)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await there.failed(there.jobs.restore(backup), "version 9999")
        assert await there.sums() == before
        assert set(names_in(tmp_path)) <= {"backup.db", "home"}, "no copy of it is left"


SPOIL = {
    "sqlite": (
        "CREATE TRIGGER spoil AFTER INSERT ON tasks BEGIN "
        "UPDATE tasks SET priority = priority + 1 WHERE id = new.id; END",
    ),
    "postgresql": (
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN new.priority = new.priority + 1; RETURN new; END $$",
        "CREATE TRIGGER spoil BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION spoil()",
    ),
}


async def test_a_copy_that_differs_is_not_kept(database_stage: Stage | None, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        await there.done(there.jobs.backup(backup))
        await there.store.create(ConversationCreate(title="later"))

        async def spoil(connection: Any) -> None:
            for statement in SPOIL[there.database.dialect]:
                await connection.exec_driver_sql(statement)

        await there.database.write(spoil)
        before = await there.sums()
        await there.failed(there.jobs.restore(backup), "tasks was not copied as it is")
        assert await there.sums() == before


async def test_a_job_that_is_cancelled_leaves_everything_as_it_was(
    database_stage: Stage | None, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        await there.done(there.jobs.backup(backup))
        await there.store.create(ConversationCreate(title="later"))
        before = await there.sums()
        job = there.jobs.restore(backup)
        with pytest.raises(Conflict):
            there.jobs.check()
        there.jobs.cancel()
        await there.done(job, JobState.CANCELLED)
        assert await there.sums() == before
        await there.store.create(ConversationCreate(title="writes go on"))


async def test_while_it_is_put_back_nothing_is_written_and_reading_goes_on(
    database_stage: Stage | None, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        await there.done(there.jobs.backup(backup))
        turn = await there.store.ask("q", title="T")
        job = there.jobs.restore(backup)
        pieces = 0
        while there.jobs.job().state is JobState.RUNNING:
            await there.store.append(turn.answer.id, "x")
            pieces += 1
        await there.failed(job, "being written")
        assert (await there.store.message(turn.answer.id)).text == "x" * pieces, "the answer is not cut by it"
        await there.store.finish(turn.answer.id, MessageStatus.COMPLETE)
        refused: list[StorageUnavailable] = []
        states = set()
        job = there.jobs.restore(backup)
        while there.jobs.job().state is JobState.RUNNING:
            states.add(there.database.capability().state)
            assert (await there.store.conversations(limit=1)).total >= 6
            try:
                await there.store.create(ConversationCreate(title="lost"))
            except StorageUnavailable as error:
                refused.append(error)
            await asyncio.sleep(0)
        await there.done(job)
        assert refused
        assert "put back" in refused[0].message
        assert State.DEGRADED in states


async def test_writes_do_not_have_a_backup_begin_anew(tmp_path: Path) -> None:
    async with home(tmp_path / "home", None) as there:
        for number in range(3):
            await there.store.create(ConversationCreate(title=f"{number}", draft="x" * 5_000_000))
        before = await there.sums()
        tell = there.jobs._tell
        copied: list[int] = []
        # The copying has a thread of its own.
        with closing(sqlite3.connect(there.file, isolation_level=None, check_same_thread=False)) as other:

            def written(step: str, done: int, total: int) -> None:
                tell(step, done, total)
                if step == "copying the file":
                    copied.append(done)
                    other.execute("UPDATE conversations SET draft = draft || 'y'")

            there.jobs._tell = written  # type: ignore[method-assign]
            made = await there.done(there.jobs.backup(tmp_path / "backup.db"))
        assert len(copied) > 5
        assert copied == sorted(set(copied)), "each step goes on where the one before ended"
        assert made.tables == before, "one state of the data throughout"


async def test_what_stands_in_the_journal_of_a_file_is_put_back_too(
    database_stage: Stage | None, tmp_path: Path
) -> None:
    lost = tmp_path / "lost"
    lost.mkdir()
    async with home(tmp_path / "one", None) as one:
        await one.store.create(ConversationCreate(title="in the journal"))
        before = await one.sums()
        for end in ("", "-wal"):  # as a crash leaves them
            copyfile(f"{one.file}{end}", lost / f"{one.file.name}{end}")
    assert (lost / "data.db-wal").stat().st_size > 0
    async with home(tmp_path / "two", database_stage) as two:
        await two.done(two.jobs.restore(lost / "data.db"))
        assert await two.sums() == before
    assert names_in(lost) == ["data.db", "data.db-wal"]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("relative.db", InvalidInput),
        ("/nowhere/at/all/b.db", InvalidInput),
        ("{folder}", InvalidInput),
        ("{there}", Conflict),
    ],
)
async def test_a_backup_goes_where_it_can(tmp_path: Path, path: str, error: type[ControlCenterError]) -> None:
    existing = tmp_path / "there.db"
    existing.write_bytes(b"mine")
    async with home(tmp_path / "home", None) as there:
        with pytest.raises(NotFound):
            there.jobs.job()
        file = Path(path.format(folder=tmp_path, there=existing))
        failed = await there.done(there.jobs.backup(file), JobState.FAILED)
        assert failed.error is not None
        assert failed.error.code == error.code
        assert existing.read_bytes() == b"mine"
        await there.done(there.jobs.backup(existing, replace=True))
        assert existing.read_bytes().startswith(b"SQLite")
