"""Removes what is older than it is to be kept: lines of the audit log, steps of tasks, figures of agents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.errors import StorageError
from backend_embedded.storage.database import Database
from backend_embedded.storage.records import agent_metrics, audit_logs, task_history

log = logging.getLogger(__name__)

AT_ONCE = 1_000
"""Rows that one transaction removes, so that nobody waits long for it."""
EVERY_S = 24 * 3_600.0
FIRST_AFTER_S = 60.0
AGAIN_AFTER_S = 600.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days that rows are kept; 0: for ever."""

    audit_days: int
    history_days: int

    def of(self, table: Table) -> int:
        """For the rows of a table."""
        return self.audit_days if table is audit_logs else self.history_days


async def forget_old(database: Database, keeping: Keeping, now: datetime) -> int:
    """Remove what is too old; how many rows. Raises StorageUnavailable, with a part of them removed."""
    return sum(
        [
            await _forget(database, table, now - timedelta(days=days))
            for table in (audit_logs, task_history, agent_metrics)
            if (days := keeping.of(table))
        ]
    )


async def keep_forgetting(
    database: Database, keeping: Callable[[], Keeping], forgot: Callable[[], None]
) -> None:
    """Remove what is too old a while after the start and then every day, until it is cancelled."""
    pause_s = FIRST_AFTER_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = EVERY_S
        try:
            if count := await forget_old(database, keeping(), datetime.now(UTC)):
                log.info("Removed %d rows that were older than they are kept", count)
                forgot()
        except StorageError as error:
            log.info("What is old is removed later: %s", error.message)
            pause_s = AGAIN_AFTER_S


async def _forget(database: Database, table: Table, before: datetime) -> int:
    async def work(connection: AsyncConnection) -> int:
        old = select(table.c.id).where(table.c.created_at < before).limit(AT_ONCE)
        done = await connection.execute(delete(table).where(table.c.id.in_(old.scalar_subquery())))
        return done.rowcount

    total = 0
    while count := await database.write(work):
        total += count
    return total
