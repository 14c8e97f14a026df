"""What the stores of tasks, agents, the audit log and the configuration keep to, on each database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from postgres_stage import Stage, opened_database
from sqlalchemy import insert, select

from backend_embedded.contract.agents import AgentCreate, AgentPatch, AgentSeen, AgentStatus
from backend_embedded.contract.ledger import ConfigPut
from backend_embedded.contract.queue import EventMessage, TaskMessage
from backend_embedded.contract.tasks import TaskCreate, TaskPatch, TaskStatus
from backend_embedded.errors import Conflict, InvalidInput, NotFound
from backend_embedded.services import Records
from backend_embedded.storage.database import Database
from backend_embedded.storage.record_ports import Actor, Delivery, Listing
from backend_embedded.storage.records import outbox, tasks
from backend_embedded.storage.trail import SqlTrail
from backend_embedded.wiring.records import records_in

ME = Actor("user", "a-correlation")


@pytest_asyncio.fixture
async def database(database_stage: Stage | None, tmp_path: Path) -> AsyncIterator[Database]:
    async with opened_database(database_stage, tmp_path) as opened:
        yield opened


@pytest.fixture
def records(database: Database) -> Records:
    return records_in(database)


async def messages(database: Database) -> list[tuple[str, dict[str, Any]]]:
    async def work(connection: Any) -> list[tuple[str, dict[str, Any]]]:
        rows = await connection.execute(select(outbox).order_by(outbox.c.number))
        return [(row.routing_key, row.body) for row in rows]

    return await database.read(work)


async def audited(records: Records) -> list[tuple[str, str]]:
    lines = (await records.audit.lines(Listing(sort=("created_at",)))).items
    return [(line.entity, line.action) for line in lines]


async def test_a_task_goes_from_pending_to_its_end(records: Records, database: Database) -> None:
    agent = await records.agents.register(AgentCreate(name="worker"), ME)
    made = await records.tasks.create(TaskCreate(type="analysis", payload={"text": "Ä"}, priority=7), ME)
    assert (made.status, made.priority, made.correlation_id) == (TaskStatus.PENDING, 7, "a-correlation")
    assert await records.tasks.task(made.id) == made
    begun = await records.tasks.begin(made.id, agent.id, Actor("worker"))
    assert (begun.status, begun.agent_id, begun.attempts) == (TaskStatus.RUNNING, agent.id, 1)
    done = await records.tasks.finish(made.id, TaskStatus.COMPLETED, Actor("worker"), result={"words": 1})
    assert (done.status, done.result) == (TaskStatus.COMPLETED, {"words": 1})
    assert done.completed_at is not None
    assert await records.tasks.task(made.id) == done
    steps = await records.tasks.history(made.id)
    assert [(step.from_status, step.to_status) for step in steps] == [
        (None, TaskStatus.PENDING),
        (TaskStatus.PENDING, TaskStatus.RUNNING),
        (TaskStatus.RUNNING, TaskStatus.COMPLETED),
    ]
    assert await audited(records) == [
        ("agent", "created"),
        ("task", "created"),
        ("task", "begun"),
        ("task", "completed"),
    ]
    keys = [key for key, _ in await messages(database)]
    assert keys == ["event.agent_registered", "task.created", "event.task_started", "event.task_completed"]
    work = TaskMessage.model_validate((await messages(database))[1][1])
    assert (work.id, work.type, work.payload, work.retry_count) == (made.id, "analysis", {"text": "Ä"}, 0)
    told = EventMessage.model_validate((await messages(database))[3][1])
    assert (told.event_type, told.source) == ("TASK_COMPLETED", "worker")
    assert told.data == {"task_id": str(made.id), "from": "running", "to": "completed"}


async def test_a_change_says_what_was_and_what_is(records: Records) -> None:
    made = await records.tasks.create(TaskCreate(type="t"), ME)
    changed = await records.tasks.change(made.id, TaskPatch(priority=9, payload={"a": 1}), ME)
    assert (changed.priority, changed.payload) == (9, {"a": 1})
    assert changed.updated_at > made.updated_at
    line = (await records.audit.lines(Listing(equal={"action": ("changed",)}))).items[0]
    assert (line.before, line.after) == ({"priority": 5, "payload": {}}, {"priority": 9, "payload": {"a": 1}})
    assert (line.actor, line.correlation_id, line.entity_id) == ("user", "a-correlation", str(made.id))
    assert await records.tasks.change(made.id, TaskPatch(priority=9), ME) == changed, "nothing to change"
    assert (await records.audit.lines(Listing())).total == 2


async def test_what_has_ended_stays_so(records: Records, database: Database) -> None:
    made = await records.tasks.create(TaskCreate(type="t"), ME)
    cancelled = await records.tasks.cancel(made.id, ME)
    assert cancelled.status is TaskStatus.CANCELLED
    assert await records.tasks.cancel(made.id, ME) == cancelled, "the second time it is so already"
    before = await messages(database), await audited(records)
    for refused in (
        records.tasks.change(made.id, TaskPatch(priority=1), ME),
        records.tasks.begin(made.id, None, ME),
        records.tasks.finish(made.id, TaskStatus.COMPLETED, ME),
    ):
        with pytest.raises(Conflict, match="cancelled"):
            await refused
    assert (await messages(database), await audited(records)) == before, "a refused change leaves nothing"
    again = await records.tasks.again(made.id, ME)
    assert (again.status, again.completed_at) == (TaskStatus.PENDING, None)
    with pytest.raises(Conflict):
        await records.tasks.again(made.id, ME)
    assert [key for key, _ in await messages(database)].count("task.created") == 2


async def test_what_is_given_to_begun_work_cannot_change(records: Records) -> None:
    made = await records.tasks.create(TaskCreate(type="t"), ME)
    await records.tasks.begin(made.id, None, ME)
    with pytest.raises(Conflict, match="begun"):
        await records.tasks.change(made.id, TaskPatch(payload={"new": 1}), ME)
    assert (await records.tasks.change(made.id, TaskPatch(priority=1), ME)).priority == 1
    with pytest.raises(InvalidInput):
        await records.tasks.finish(made.id, TaskStatus.PENDING, ME)


async def test_what_is_not_there_is_told(records: Records) -> None:
    nobody = uuid4()
    for wanted in (TaskCreate(type="t", agent_id=nobody), TaskCreate(type="t", parent_id=nobody)):
        with pytest.raises(InvalidInput, match=str(nobody)):
            await records.tasks.create(wanted, ME)
    for asked in (
        records.tasks.task(nobody),
        records.tasks.history(nobody),
        records.tasks.cancel(nobody, ME),
        records.agents.agent(nobody),
        records.config.entry("nothing"),
        records.config.remove("nothing", ME),
    ):
        with pytest.raises(NotFound):
            await asked
    assert (await records.tasks.tasks(Listing())).total == 0


async def test_a_message_is_heeded_once_by_each_consumer(records: Records) -> None:
    made = await records.tasks.create(TaskCreate(type="t"), ME)
    told = Delivery(uuid4(), "results")
    first = await records.tasks.finish(made.id, TaskStatus.FAILED, ME, error={"message": "no"}, told=told)
    again = await records.tasks.finish(made.id, TaskStatus.COMPLETED, ME, result={"late": 1}, told=told)
    assert again == first
    with pytest.raises(Conflict):
        await records.tasks.finish(made.id, TaskStatus.COMPLETED, ME, told=Delivery(uuid4(), "results"))


async def test_of_many_who_hear_the_same_message_at_once_one_heeds_it(
    records: Records, database: Database
) -> None:
    trail, event = (
        SqlTrail(database, lambda: None),
        EventMessage(
            event_type="MODEL_LOADED", source="s" * 300, data={"model": "m"}, timestamp=datetime.now(UTC)
        ),
    )
    for _ in range(5):
        message_id = uuid4()
        heeded = await asyncio.gather(
            *(trail.keep(message_id, "audit trail", event, "loaded", "model", "m" * 300) for _ in range(8))
        )
        assert sorted(heeded) == [False] * 7 + [True]
    lines = await records.audit.lines(Listing())
    assert lines.total == 5
    assert (lines.items[0].actor, lines.items[0].entity_id) == ("s" * 100, "m" * 200), "as much as has room"


async def test_of_many_who_begin_the_same_task_one_does(records: Records) -> None:
    made = await records.tasks.create(TaskCreate(type="t"), ME)
    done = await asyncio.gather(
        *(records.tasks.begin(made.id, None, Actor(f"agent {n}")) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in done) == 7
    assert (await records.tasks.task(made.id)).attempts == 1


async def filled(database: Database, count: int) -> list[UUID]:
    """So many tasks, the first one the newest."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [uuid4() for _ in range(count)]

    async def work(connection: Any) -> None:
        rows = [
            {
                "id": ids[n],
                "type": "even" if n % 2 == 0 else "odd",
                "status": TaskStatus.FAILED if n % 3 == 0 else TaskStatus.PENDING,
                "priority": n % 10 + 1,
                "created_at": now - timedelta(minutes=n),
                "updated_at": now,
                "started_at": now if n == 1 else None,
            }
            for n in range(count)
        ]
        await connection.execute(insert(tasks), rows)

    await database.write(work)
    return ids


async def test_lists_are_paged_filtered_and_sorted(records: Records, database: Database) -> None:
    ids = await filled(database, 30)
    at = {one: n for n, one in enumerate(ids)}

    async def listed(**wanted: Any) -> list[int]:
        page = await records.tasks.tasks(Listing(**wanted))
        return [at[task.id] for task in page.items]

    assert await listed(limit=3) == [0, 1, 2]
    assert await listed(limit=3, offset=28) == [28, 29]
    assert await listed(sort=("created_at",), limit=2) == [29, 28]
    assert await listed(sort=("-priority", "created_at"), limit=3) == [29, 19, 9]
    assert await listed(sort=("started_at",), limit=1) == [1], "what is absent comes last"
    assert await listed(sort=("-started_at",), limit=1) == [1]
    assert await listed(equal={"type": ("odd",), "status": (TaskStatus.FAILED,)}) == [3, 9, 15, 21, 27]
    assert await listed(equal={"priority": (1, 2)}, limit=3) == [0, 1, 10]
    page = await records.tasks.tasks(Listing(limit=1, equal={"type": ("odd",)}))
    assert page.total == 15
    since = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(minutes=5)
    assert await listed(since=since, until=since + timedelta(minutes=2)) == [4, 5]
    with pytest.raises(InvalidInput, match="payload") as caught:
        await listed(sort=("payload",))
    assert "priority" in (caught.value.remedy or "")
    with pytest.raises(InvalidInput, match="1; DROP TABLE tasks"):
        await listed(sort=("1; DROP TABLE tasks",))


async def test_no_row_is_on_two_pages(records: Records, database: Database) -> None:
    ids = await filled(database, 50)
    seen: list[UUID] = []
    for offset in range(0, 50, 7):
        page = await records.tasks.tasks(Listing(limit=7, offset=offset, sort=("status",)))
        seen += [task.id for task in page.items]
    assert sorted(seen) == sorted(ids)


async def test_an_agent_is_known_by_its_name(records: Records, database: Database) -> None:
    made = await records.agents.register(AgentCreate(name="reader", capabilities=("nlp",), port=8589), ME)
    assert (made.enabled, made.status, made.capabilities) == (True, AgentStatus.INACTIVE, ("nlp",))
    off = await records.agents.change(made.id, AgentPatch(enabled=False, description="Reads."), ME)
    assert (off.enabled, off.description) == (False, "Reads.")
    again = await records.agents.register(AgentCreate(name="reader", capabilities=("nlp", "vision")), ME)
    assert (again.id, again.enabled, again.description) == (made.id, False, "Reads.")
    assert again.capabilities == ("nlp", "vision")
    assert await records.agents.agent(made.id) == again
    seen = await records.agents.seen(made.id, AgentSeen(load=0.25))
    assert (seen.status, seen.load) == (AgentStatus.HEALTHY, 0.25)
    count = (await records.audit.lines(Listing())).total
    await records.agents.seen(made.id, AgentSeen(load=0.5))
    assert (await records.audit.lines(Listing())).total == count, "that it is well still is no news"
    assert (await messages(database))[-1][0] == "event.agent_status_change"
    page = await records.agents.agents(Listing(equal={"enabled": (False,)}))
    assert [agent.name for agent in page.items] == ["reader"]


async def test_an_agent_that_registers_twice_at_once_is_one(records: Records) -> None:
    await asyncio.gather(*(records.agents.register(AgentCreate(name="same"), ME) for _ in range(6)))
    assert (await records.agents.agents(Listing())).total == 1


async def test_a_value_is_set_only_over_the_version_that_was_seen(records: Records) -> None:
    first = await records.config.put("a.b", ConfigPut(value={"n": 1}, description="What it is"), ME)
    assert first.version == 1
    second = await records.config.put("a.b", ConfigPut(value=[1, 2], version=1), ME)
    assert (second.version, second.value, second.description) == (2, [1, 2], "What it is")
    with pytest.raises(Conflict, match="version 2"):
        await records.config.put("a.b", ConfigPut(value=3, version=1), ME)
    with pytest.raises(Conflict):
        await records.config.put("a.b", ConfigPut(value=3, version=0), ME)
    assert await records.config.entry("a.b") == second
    await records.config.put("a.a", ConfigPut(value=None), ME)
    assert [entry.key for entry in (await records.config.entries(Listing())).items] == ["a.a", "a.b"]
    await records.config.remove("a.b", ME)
    assert (await records.config.entries(Listing())).total == 1
    assert await audited(records) == [
        ("config", "created"),
        ("config", "changed"),
        ("config", "created"),
        ("config", "removed"),
    ]


async def test_every_change_gives_its_list_another_version(records: Records) -> None:
    seen = []
    for entity in ("tasks", "agents", "config"):
        before = records.versions.of(entity), records.versions.of("audit_logs")
        if entity == "tasks":
            await records.tasks.create(TaskCreate(type="t"), ME)
        elif entity == "agents":
            await records.agents.register(AgentCreate(name="a"), ME)
        else:
            await records.config.put("k", ConfigPut(value=1), ME)
        after = records.versions.of(entity), records.versions.of("audit_logs")
        seen.append(before[0] != after[0] and before[1] != after[1])
    assert seen == [True, True, True]
