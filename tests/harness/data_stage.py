"""A home for tests of the jobs with all of the data: its database, what can be done with it, rows of every kind."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from postgres_stage import Stage, ignore
from served_backend import until
from sqlalchemy import insert, make_url

from backend_embedded.contract.agents import AgentCreate
from backend_embedded.contract.attachments import Attachment, AttachmentText
from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.data import DataJob, JobState, TableCopy
from backend_embedded.contract.ledger import ConfigPut
from backend_embedded.contract.tasks import TaskCreate
from backend_embedded.storage.chosen import ChosenDatabase
from backend_embedded.storage.conversations import SqlConversationStore
from backend_embedded.storage.copying import summed
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.moving import DataJobs, House
from backend_embedded.storage.record_ports import Actor
from backend_embedded.storage.records import documents, embeddings
from backend_embedded.wiring.records import records_in

ME = Actor("user")


@dataclass
class Home:
    """A database with what can be done with it, and what the settings name.

    Attributes:
        named: addresses that the settings were told to name; an error in its place is raised by them instead.
    """

    file: Path
    database: ChosenDatabase
    jobs: DataJobs
    named: list[str]
    refusals: list[Exception]

    @property
    def store(self) -> SqlConversationStore:
        return SqlConversationStore(self.database)

    async def sums(self) -> tuple[TableCopy, ...]:
        return await summed(self.database, lambda *_: None)

    async def done(self, job: DataJob, state: JobState = JobState.DONE) -> DataJob:
        await until(f"{job.work} has ended", lambda: self.jobs.job().state is not JobState.RUNNING, 60)
        ended = self.jobs.job()
        assert ended.state is state, ended
        return ended

    async def failed(self, job: DataJob, words: str) -> DataJob:
        """The job, which failed with these words in its reason."""
        ended = await self.done(job, JobState.FAILED)
        assert ended.error is not None
        assert words in ended.error.message
        return ended


@asynccontextmanager
async def home(folder: Path, stage: Stage | None) -> AsyncIterator[Home]:
    """A home whose data is in SQLite, or in a database of the stage."""
    file = folder / "data.db"
    named: list[str] = []
    refusals: list[Exception] = []
    made: list[str] = []

    def open_url(url: str) -> Database:
        if not url:
            return SqliteDatabase(file, ignore)
        from backend_embedded.storage.postgres import PostgresDatabase

        return PostgresDatabase(url, ignore)

    async def switch(url: str) -> None:
        if refusals:
            raise refusals.pop()
        named.append(url)

    async def changed() -> None:
        pass

    def shown(url: str) -> str:
        return make_url(url).render_as_string(hide_password=True)

    url = ""
    if stage is not None:
        made.append(stage.server.database(stage.template))
        url = stage.server.url(made[0])
    try:
        async with ChosenDatabase(open_url(url), ignore) as database:
            house = House(file, lambda path: SqliteDatabase(path, ignore), open_url, shown, switch, changed)
            jobs = DataJobs(database, house)
            yield Home(file, database, jobs, named, refusals)
            await jobs.close()
    finally:
        for name in made:
            assert stage is not None
            stage.server.drop(name)


def names_in(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


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
        payload = {
            "f": 1.0, "e": 1e16, "n": None, "deep": [{"ü": chance.random()}], "z": -0.0, "round": 1e19,
            "huge": 1e300, "tiny": 5e-324, "whole": 2**63 - 1, "a\0b": "c\0d",
        }  # fmt: skip
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
