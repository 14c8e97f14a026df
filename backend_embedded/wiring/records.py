"""The SQL data of a run: the database that the settings name, what is kept in it, and the jobs with all of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import make_url

from backend_embedded.cache.read_through import ReadThrough
from backend_embedded.contract.events import CapabilityChanged
from backend_embedded.contract.settings import SettingsPatch
from backend_embedded.metrics.backend import BackendMetrics
from backend_embedded.services import Records
from backend_embedded.settings import SettingsFile
from backend_embedded.storage.agents import SqlAgentStore
from backend_embedded.storage.chosen import ChosenDatabase
from backend_embedded.storage.config import SqlConfigStore
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.homes import home_id
from backend_embedded.storage.ledger import SqlAuditLog
from backend_embedded.storage.moving import DataJobs, House
from backend_embedded.storage.tasks import SqlTaskStore
from backend_embedded.storage.versions import Versions

STORE_FILE = "control-center.db"
READ_THROUGH = ("tasks", "agents", "config")
"""What is read through the cache."""


@dataclass(frozen=True, slots=True)
class Databases:
    """Opens the databases of a home: the one that the settings name, and those that a job asks for."""

    file: Path
    publish: Callable[[CapabilityChanged], None]
    metrics: BackendMetrics

    def at(self, url: str) -> Database:
        """PostgreSQL at this address; the file of the home when it is empty."""
        if not url:
            return SqliteDatabase(self.file, self.publish)
        # Its driver takes longer to load than all else of the store.
        from backend_embedded.storage.postgres import PostgresDatabase

        whose = home_id(self.file.parent)
        return PostgresDatabase(url, self.publish, self.metrics.pool, self.metrics.resilience, whose)

    def beside(self, path: Path) -> Database:
        """A file of the same form, whose state nobody is told unless it is the home's own."""
        return self.at("") if path == self.file else SqliteDatabase(path, lambda _: None)


async def open_database(stack: AsyncExitStack, databases: Databases, url: str) -> ChosenDatabase:
    """The database at this address, which a job may exchange for another."""
    return await stack.enter_async_context(ChosenDatabase(databases.at(url), databases.publish))


def open_jobs(
    stack: AsyncExitStack,
    database: ChosenDatabase,
    databases: Databases,
    settings: SettingsFile,
    records: Records,
) -> DataJobs:
    """What can be done with all the data of this run."""

    async def switch(url: str) -> None:
        await settings.change(SettingsPatch(database_url=url))

    def shown(url: str) -> str:
        return make_url(url).render_as_string(hide_password=True)

    async def changed() -> None:
        records.versions.bump_all()
        if records.reads is not None:
            for entity in READ_THROUGH:
                await records.reads.forget(records.versions.name(entity))

    house = House(databases.file, databases.beside, databases.at, shown, switch, changed)
    jobs = DataJobs(database, house)
    stack.push_async_callback(jobs.close)
    return jobs


def records_in(
    database: Database, told: Callable[[], None] = lambda: None, reads: ReadThrough | None = None
) -> Records:
    """What a database keeps besides conversations; `told` is called after every change.

    Args:
        reads: keeps what was read until it changes.
    """
    versions = Versions(shared=lambda: database.dialect != "sqlite", place=lambda: database.place)

    def changed(entity: str) -> Callable[[UUID | str], Awaitable[None]]:
        async def tell(id: UUID | str) -> None:
            if reads is not None:
                await reads.changed(versions.name(entity), id)
            versions.bump(entity)
            versions.bump("audit_logs")
            told()

        return tell

    return Records(
        tasks=SqlTaskStore(database, changed("tasks")),
        agents=SqlAgentStore(database, changed("agents")),
        audit=SqlAuditLog(database),
        config=SqlConfigStore(database, changed("config")),
        versions=versions,
        reads=reads,
    )
