"""Moving house and back, backups and checks: all or nothing, verified, on each database."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from postgres_stage import Stage, ignore
from served_backend import until
from sqlalchemy import insert, make_url, text

from backend_embedded.contract.agents import AgentCreate
from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.conversations import ConversationCreate, MessageStatus
from backend_embedded.contract.data import DataJob, JobState
from backend_embedded.contract.ledger import ConfigPut
from backend_embedded.contract.status import State
from backend_embedded.contract.tasks import TaskCreate
from backend_embedded.errors import Conflict, ControlCenterError, InvalidInput, NotFound, StorageUnavailable
from backend_embedded.storage import copying
from backend_embedded.storage.chosen import ChosenDatabase
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.copying import COPIED, summed
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.moving import DataJobs, House
from backend_embedded.storage.record_ports import Actor, Listing
from backend_embedded.storage.records import audit_logs, documents, embeddings, task_history, tasks
from backend_embedded.storage.retention import Keeping, forget_old
from backend_embedded.wiring import records_in

ME = Actor("user")


@dataclass
class Home:
    """A database with what can be done with it, and what the settings name."""

    file: Path
    database: ChosenDatabase
    jobs: DataJobs
    named: list[str]
    opened: list[Database] = field(default_factory=list)

    @property
    def store(self) -> SqlConversationStore:
        return SqlConversationStore(self.database)

    async def sums(self) -> Any:
        return await summed(self.database, lambda *_: None)

    async def done(self, job: DataJob, state: JobState = JobState.DONE) -> DataJob:
        await until(f"{job.work} has ended", lambda: self.jobs.job().state is not JobState.RUNNING, 60)
        ended = self.jobs.job()
        assert ended.state is state, ended
        return ended


@asynccontextmanager
async def home(folder: Path, stage: Stage | None) -> AsyncIterator[Home]:
    """A home whose data is in SQLite, or in a database of the stage."""
    file = folder / "data.db"
    named: list[str] = []
    made: list[str] = []

    def open_url(url: str) -> Database:
        if not url:
            return SqliteDatabase(file, ignore)
        from backend_embedded.storage.postgres import PostgresDatabase

        return PostgresDatabase(url, ignore)

    async def switch(url: str) -> None:
        named.append(url)

    def shown(url: str) -> str:
        return make_url(url).render_as_string(hide_password=True)

    url = ""
    if stage is not None:
        made.append(stage.server.database(stage.template))
        url = stage.server.url(made[0])
    try:
        async with ChosenDatabase(open_url(url), ignore) as database:
            house = House(
                file, lambda path: SqliteDatabase(path, ignore), open_url, shown, switch, lambda: None
            )
            jobs = DataJobs(database, house)
            yield Home(file, database, jobs, named)
            await jobs.close()
    finally:
        for name in made:
            assert stage is not None
            stage.server.drop(name)


async def furnished(there: Home, count: int = 60) -> None:
    """Rows in every kind of table, with all that is hard to copy."""
    store, records = there.store, records_in(there.database)
    chance = random.Random(7)
    agent = await records.agents.register(AgentCreate(name="Ä", capabilities=("nlp",)), ME)
    parent = None
    for number in range(count // 10):
        file = Attachment(
            id=uuid4(), name="f.txt", media_type="text/plain", size_bytes=9, characters=2**40, tokens=2
        )
        await store.keep_attachment(AttachmentText(attachment=file, text="line\n" * number))
        turn = await store.ask(f"needle {number} 🙂 'quoted'", title="T", attachments=[file.id])
        await store.append(turn.answer.id, "an answer " * number)
        await store.finish(turn.answer.id, MessageStatus.COMPLETE)
        payload = {"f": 1.0, "e": 1e16, "n": None, "deep": [{"ü": chance.random()}], "z": -0.0}
        task = await records.tasks.create(TaskCreate(type="t", payload=payload, parent_id=parent), ME)
        parent = task.id
        await records.tasks.begin(task.id, agent.id, ME)
    await records.config.put("k", ConfigPut(value={"a": [1, 2.5, "x"]}), ME)

    async def more(connection: Any) -> None:
        document = {"id": uuid4(), "title": "D", "facts": {"pages": 3}}
        await connection.execute(insert(documents).values(document))
        vector = {
            "id": uuid4(), "document_id": document["id"], "position": 0, "text": "t", "model": "m",
            "dimensions": 2, "vector": bytes(range(256)),
        }  # fmt: skip
        await connection.execute(insert(embeddings).values(vector))

    await there.database.write(more)


def listed(folder: Path) -> list[str]:
    """What is in a folder; where the data is in PostgreSQL, the home of the test has no file."""
    (folder / "home").mkdir(exist_ok=True)
    return sorted(path.name for path in folder.iterdir())


async def test_a_backup_is_put_back_as_it_was(database_stage: Stage | None, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        before = await there.sums()
        assert sum(table.rows for table in before) > 60
        made = await there.done(there.jobs.backup(backup))
        assert made.tables == before
        assert listed(tmp_path) == ["backup.db", "home"]
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
        failed = await there.done(there.jobs.restore(backup), JobState.FAILED)
        assert failed.error is not None
        assert "damaged" in failed.error.message
        backup.write_bytes(b"no database")
        failed = await there.done(there.jobs.restore(backup), JobState.FAILED)
        assert failed.error is not None
        assert "no backup" in failed.error.message
        assert await there.sums() == before
        assert listed(tmp_path) == ["backup.db", "home"], "no copy of it is left"


async def test_a_copy_that_differs_is_not_kept(
    database_stage: Stage | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = tmp_path / "backup.db"
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        await there.done(there.jobs.backup(backup))
        await there.store.create(ConversationCreate(title="later"))
        before = await there.sums()
        real = copying._compare

        async def altered(connection: Any, table: Any, *rest: Any) -> None:
            if table is tasks:
                await connection.execute(text("UPDATE tasks SET priority = priority + 1"))
            await real(connection, table, *rest)

        monkeypatch.setattr(copying, "_compare", altered)
        failed = await there.done(there.jobs.restore(backup), JobState.FAILED)
        assert failed.error is not None
        assert "tasks was not copied as it is" in failed.error.message
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
        failed = await there.done(there.jobs.restore(backup), JobState.FAILED)
        assert failed.error is not None
        assert "being written" in failed.error.message
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


async def test_whole_data_has_no_problems_and_broken_data_has(
    database_stage: Stage | None, tmp_path: Path
) -> None:
    async with home(tmp_path / "home", database_stage) as there:
        await furnished(there)
        assert (await there.done(there.jobs.check())).problems == ()

        async def stray(connection: Any) -> None:
            await connection.execute(text("UPDATE conversations SET leaf_id = :id"), {"id": uuid4().hex})

        await there.database.write(stray)
        (problem,) = (await there.done(there.jobs.check())).problems
        assert problem == "6 conversations show a message that is not there."


async def test_what_is_older_than_it_is_kept_is_removed(database_stage: Stage | None, tmp_path: Path) -> None:
    async with home(tmp_path / "home", database_stage) as there:
        records = records_in(there.database)
        task = await records.tasks.create(TaskCreate(type="t"), ME)
        now = datetime.now(UTC)

        async def old(connection: Any) -> None:
            lines = [
                {
                    "id": uuid4(), "created_at": now - timedelta(days=days), "actor": "a", "action": "b",
                    "entity": "c",
                }
                for days in (*[400] * 1_500, 100)
            ]  # fmt: skip
            await connection.execute(insert(audit_logs), lines)
            step = {
                "id": uuid4(),
                "task_id": task.id,
                "to_status": "pending",
                "created_at": now - timedelta(days=200),
            }
            await connection.execute(insert(task_history).values(step))

        await there.database.write(old)
        assert await forget_old(there.database, Keeping(0, 0), now) == 0
        assert await forget_old(there.database, Keeping(365, 180), now) == 1_501
        assert (await records.audit.lines(Listing())).total == 2
        assert len(await records.tasks.history(task.id)) == 1
        assert (await records.tasks.task(task.id)).id == task.id


# -- moving house, which needs a real PostgreSQL --------------------------------------------------


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


def test_every_table_is_copied_but_the_list_of_revisions() -> None:
    names = {table.name for table in COPIED}
    assert "migrations" not in names
    assert {"conversations", "messages", "users", "outbox", "processed_messages"} <= names
