"""Looking whether the data is whole, and removing what is old, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from data_stage import ME, furnished, home
from postgres_stage import Stage
from sqlalchemy import insert, text

from backend_embedded.contract.tasks import TaskCreate
from backend_embedded.storage.copying import COPIED
from backend_embedded.storage.record_ports import Listing
from backend_embedded.storage.records import audit_logs, task_history
from backend_embedded.storage.retention import Keeping, forget_old
from backend_embedded.wiring.records import records_in


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


def test_every_table_is_copied_but_the_list_of_revisions() -> None:
    names = {table.name for table in COPIED}
    assert "migrations" not in names
    assert {"conversations", "messages", "users", "outbox", "processed_messages"} <= names
