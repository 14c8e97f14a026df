"""The store of tasks, in SQL of either product."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_embedded.contract.queue import TaskMessage
from backend_embedded.contract.tasks import ENDED, Task, TaskCreate, TaskPatch, TaskStatus, TaskStep
from backend_embedded.errors import Conflict, InvalidInput, NotFound
from backend_embedded.storage.database import Database
from backend_embedded.storage.ledger import announce, announce_event, as_uuid, is_news, note
from backend_embedded.storage.paging import page
from backend_embedded.storage.record_ports import Actor, Delivery, Listing, Page
from backend_embedded.storage.records import agents, task_history, tasks, users
from backend_embedded.storage.rows import AnyRow

ENTITY = "task"
AGAIN_FROM = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})


class SqlTaskStore:
    """Keeps tasks; see `TaskStore`.

    Args:
        changed: told after every change, with the id of the task.
    """

    def __init__(self, database: Database, changed: Callable[[UUID], Awaitable[None]]) -> None:
        self._database = database
        self._changed = changed

    async def tasks(self, wanted: Listing) -> Page[Task]:
        """A part of the list."""
        return await self._database.read(lambda connection: page(connection, tasks, wanted, as_task))

    async def task(self, task_id: UUID) -> Task:
        """One task."""
        return await self._database.read(lambda connection: _task(connection, task_id))

    async def history(self, task_id: UUID) -> Sequence[TaskStep]:
        """The changes of its status, oldest first."""

        async def work(connection: AsyncConnection) -> Sequence[TaskStep]:
            await _task(connection, task_id)
            rows = await connection.execute(
                select(task_history)
                .where(task_history.c.task_id == task_id)
                .order_by(task_history.c.created_at, task_history.c.id)
            )
            return tuple(TaskStep.model_validate(dict(row._mapping)) for row in rows)

        return await self._database.read(work)

    async def create(self, wanted: TaskCreate, by: Actor) -> Task:
        """Make a task, which `task.created` tells."""

        async def work(connection: AsyncConnection) -> Task:
            await _refuse_unknown(connection, wanted)
            now = datetime.now(UTC)
            made = Task(
                id=uuid4(),
                **wanted.model_dump(),
                correlation_id=by.correlation_id,
                created_at=now,
                updated_at=now,
            )
            await connection.execute(insert(tasks), made.model_dump())
            await _step(connection, made, None, "")
            facts = wanted.model_dump(mode="json", exclude_none=True)
            await note(connection, by, "created", ENTITY, str(made.id), after=facts)
            await announce_work(connection, made)
            return made

        return await self._told(work)

    async def change(self, task_id: UUID, patch: TaskPatch, by: Actor) -> Task:
        """Change what the patch names."""

        async def work(connection: AsyncConnection) -> Task:
            there = await _locked(connection, task_id)
            _refuse_ended(there, "changed")
            values = {name: value for name, value in patch.model_dump().items() if value is not None}
            values = {name: value for name, value in values.items() if value != getattr(there, name)}
            if "payload" in values and there.status is not TaskStatus.PENDING:
                raise Conflict("The work on this task has begun; what it is given cannot be changed.")
            if "agent_id" in values:
                await _refuse_missing(connection, agents, values["agent_id"], "agent_id")
            if not values:
                return there
            changed = await _set(connection, there, values)
            await note(connection, by, "changed", ENTITY, str(task_id), *_both(there, changed, values))
            facts = {"task_id": str(task_id), "fields": sorted(values)}
            await announce_event(connection, "TASK_CHANGED", by.name, facts)
            return changed

        return await self._told(work)

    async def cancel(self, task_id: UUID, by: Actor) -> Task:
        """End a task that has not ended."""

        async def work(connection: AsyncConnection) -> Task:
            there = await _locked(connection, task_id)
            if there.status is TaskStatus.CANCELLED:
                return there
            _refuse_ended(there, "cancelled")
            values = {"status": TaskStatus.CANCELLED, "completed_at": datetime.now(UTC)}
            return await _moved(connection, there, values, by, "cancelled", "TASK_CANCELLED")

        return await self._told(work)

    async def again(self, task_id: UUID, by: Actor) -> Task:
        """Have a task done again that failed or was cancelled."""

        async def work(connection: AsyncConnection) -> Task:
            there = await _locked(connection, task_id)
            if there.status not in AGAIN_FROM:
                raise Conflict(
                    f"This task is {there.status}.",
                    remedy="Only one that failed or was cancelled is done again.",
                )
            values = {
                "status": TaskStatus.PENDING,
                "result": None,
                "error": None,
                "started_at": None,
                "completed_at": None,
            }
            changed = await _moved(connection, there, values, by, "retried", "TASK_RETRIED")
            await announce_work(connection, changed)
            return changed

        return await self._told(work)

    async def begin(
        self, task_id: UUID, agent_id: UUID | None, by: Actor, told: Delivery | None = None
    ) -> Task:
        """An agent works on it now."""

        async def work(connection: AsyncConnection) -> Task:
            there = await _locked(connection, task_id)
            if told is not None and not await is_news(connection, told):
                return there
            if there.status is not TaskStatus.PENDING:
                raise Conflict(f"This task is {there.status}, so that no work on it can begin.")
            values = {
                "status": TaskStatus.RUNNING,
                "agent_id": agent_id or there.agent_id,
                "attempts": there.attempts + 1,
                "started_at": datetime.now(UTC),
            }
            return await _moved(connection, there, values, by, "begun", "TASK_STARTED")

        return await self._told(work)

    async def finish(
        self,
        task_id: UUID,
        status: TaskStatus,
        by: Actor,
        result: Any = None,
        error: Any = None,
        told: Delivery | None = None,
    ) -> Task:
        """It is completed or has failed."""
        if status not in (TaskStatus.COMPLETED, TaskStatus.FAILED):
            raise InvalidInput(f"Work does not end as {status}.")

        async def work(connection: AsyncConnection) -> Task:
            there = await _locked(connection, task_id)
            if told is not None and not await is_news(connection, told):
                return there
            _refuse_ended(there, status)
            values = {"status": status, "result": result, "error": error, "completed_at": datetime.now(UTC)}
            return await _moved(connection, there, values, by, status.value, f"TASK_{status.upper()}")

        return await self._told(work)

    async def _told(self, work: Callable[[AsyncConnection], Any]) -> Task:
        changed: Task = await self._database.write(work)
        await self._changed(changed.id)
        return changed


def as_task(row: AnyRow) -> Task:
    """A row of `tasks`."""
    return Task.model_validate(dict(row._mapping))


async def announce_work(connection: AsyncConnection, task: Task) -> None:
    """Write the message that has an agent do a task."""
    payload = task.payload if isinstance(task.payload, dict) else {"value": task.payload}
    message = TaskMessage(
        id=task.id,
        type=task.type or "PROCESS",
        payload=payload,
        timestamp=task.updated_at,
        correlation_id=as_uuid(task.correlation_id),
        retry_count=task.attempts,
    )
    await announce(connection, "task.created", message.model_dump(mode="json"))


async def _task(connection: AsyncConnection, task_id: UUID) -> Task:
    return _found(
        (await connection.execute(select(tasks).where(tasks.c.id == task_id))).one_or_none(), task_id
    )


async def _locked(connection: AsyncConnection, task_id: UUID) -> Task:
    """A task that nobody else changes until the transaction ends."""
    rows = await connection.execute(select(tasks).where(tasks.c.id == task_id).with_for_update())
    return _found(rows.one_or_none(), task_id)


def _found(row: AnyRow | None, task_id: UUID) -> Task:
    if row is None:
        raise NotFound("There is no such task.", task_id=str(task_id))
    return as_task(row)


async def _set(connection: AsyncConnection, there: Task, values: dict[str, Any]) -> Task:
    values = values | {"updated_at": datetime.now(UTC)}
    await connection.execute(update(tasks).where(tasks.c.id == there.id).values(values))
    return there.model_copy(update=values)


async def _moved(
    connection: AsyncConnection, there: Task, values: dict[str, Any], by: Actor, action: str, event: str
) -> Task:
    """Give a task another status, with all that tells of it."""
    changed = await _set(connection, there, values)
    await _step(connection, changed, there.status, by.name)
    await note(connection, by, action, ENTITY, str(there.id), *_both(there, changed, values))
    facts = {"task_id": str(there.id), "from": there.status, "to": changed.status}
    await announce_event(connection, event, by.name, facts)
    return changed


async def _step(connection: AsyncConnection, task: Task, before: TaskStatus | None, message: str) -> None:
    await connection.execute(
        insert(task_history),
        {
            "id": uuid4(),
            "task_id": task.id,
            "agent_id": task.agent_id,
            "from_status": before,
            "to_status": task.status,
            "message": message,
            "created_at": datetime.now(UTC),
        },
    )


def _both(before: Task, after: Task, names: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that changed, before and after, ready for JSON."""
    fields = set(names)
    return before.model_dump(mode="json", include=fields), after.model_dump(mode="json", include=fields)


def _refuse_ended(task: Task, wanted: str) -> None:
    if task.status in ENDED:
        raise Conflict(f"This task is {task.status} already and cannot be {wanted}.", task_id=str(task.id))


async def _refuse_unknown(connection: AsyncConnection, wanted: TaskCreate) -> None:
    for table, name in ((agents, "agent_id"), (tasks, "parent_id"), (users, "user_id")):
        given = getattr(wanted, name)
        if given is not None:
            await _refuse_missing(connection, table, given, name)


async def _refuse_missing(connection: AsyncConnection, table: Any, given: UUID, name: str) -> None:
    if await connection.scalar(select(table.c.id).where(table.c.id == given)) is None:
        raise InvalidInput(
            f"There is no {name.removesuffix('_id')} {given}.",
            fields=[{"field": f"body.{name}", "problem": "does not exist"}],
        )
