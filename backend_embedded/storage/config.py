"""The store of values that are set for the whole system, in SQL of either product."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.ledger import ConfigEntry, ConfigPut
from backend_embedded.errors import Conflict, NotFound
from backend_embedded.storage.database import Database
from backend_embedded.storage.ledger import note
from backend_embedded.storage.paging import page
from backend_embedded.storage.record_ports import Actor, Listing, Page
from backend_embedded.storage.records import system_config
from backend_embedded.storage.rows import AnyRow

ENTITY = "config"
BY_KEY = ("key",)


class SqlConfigStore:
    """Keeps values by key; see `ConfigStore`.

    Args:
        changed: told after every change, with the key.
    """

    def __init__(self, database: Database, changed: Callable[[str], Awaitable[None]]) -> None:
        self._database = database
        self._changed = changed

    async def entries(self, wanted: Listing) -> Page[ConfigEntry]:
        """A part of the list, by key."""
        return await self._database.read(
            lambda connection: page(connection, system_config, wanted, _entry, BY_KEY)
        )

    async def entry(self, key: str) -> ConfigEntry:
        """One entry."""

        async def work(connection: AsyncConnection) -> ConfigEntry:
            there = await _found(connection, key)
            if there is None:
                raise _missing(key)
            return there

        return await self._database.read(work)

    async def put(self, key: str, wanted: ConfigPut, by: Actor) -> ConfigEntry:
        """Set a value."""

        async def work(connection: AsyncConnection) -> ConfigEntry:
            there = await _found(connection, key)
            version = 0 if there is None else there.version
            if wanted.version not in (None, version):
                raise Conflict(
                    f"“{key}” was changed meanwhile: it has version {version}.",
                    remedy="Look at it again.",
                    version=version,
                )
            now = datetime.now(UTC)
            if there is None:
                made = ConfigEntry(
                    id=uuid4(), key=key, value=wanted.value, description=wanted.description or "",
                    created_at=now, updated_at=now,
                )  # fmt: skip
                await connection.execute(insert(system_config).values(made.model_dump()))
                await note(connection, by, "created", ENTITY, key, after={"value": wanted.value})
                return made
            values = {"value": wanted.value, "version": version + 1, "updated_at": now}
            if wanted.description is not None:
                values["description"] = wanted.description
            await connection.execute(
                update(system_config).where(system_config.c.id == there.id).values(values)
            )
            before, after = {"value": there.value}, {"value": wanted.value}
            await note(connection, by, "changed", ENTITY, key, before, after)
            return there.model_copy(update=values)

        done = await self._database.write(work, one_by_one="config")
        await self._changed(key)
        return done

    async def remove(self, key: str, by: Actor) -> None:
        """Forget an entry."""

        async def work(connection: AsyncConnection) -> None:
            there = await _found(connection, key)
            if there is None:
                raise _missing(key)
            await connection.execute(delete(system_config).where(system_config.c.id == there.id))
            await note(connection, by, "removed", ENTITY, key, before={"value": there.value})

        await self._database.write(work, one_by_one="config")
        await self._changed(key)


def _entry(row: AnyRow) -> ConfigEntry:
    return ConfigEntry.model_validate(dict(row._mapping))


async def _found(connection: AsyncConnection, key: str) -> ConfigEntry | None:
    rows = await connection.execute(select(system_config).where(system_config.c.key == key))
    row = rows.one_or_none()
    return None if row is None else _entry(row)


def _missing(key: str) -> NotFound:
    return NotFound(f"Nothing is set as “{key}”.", key=key)
