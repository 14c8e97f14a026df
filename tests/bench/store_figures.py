"""The figures of the store: inserts through the port beside SQLAlchemy's ORM, and requests for a list."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from measure import Measure
from sqlalchemy import Table, event, insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import registry

from backend_embedded.contract.tasks import TaskCreate
from backend_embedded.settings import write_whole
from backend_embedded.storage.connections import PRAGMAS
from backend_embedded.storage.database import Database
from backend_embedded.storage.embedded import SqliteDatabase
from backend_embedded.storage.record_ports import Actor
from backend_embedded.storage.records import audit_logs, outbox, task_history, tasks
from backend_embedded.wiring.records import records_in

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, INSERTS, AT_ONCE = 6, 240, 8
TASKS, CLIENTS, SECONDS = 10_000, 100, 5
READY_PATIENCE_S = 60
ME = Actor("user", "5e1c1a34-30a5-4a40-9f5e-2c0c1a5f3a10")


def mapped(table: Table) -> type[Any]:
    """A class of the ORM for a table."""
    kind = type(f"{table.name.title()}Row", (), {})
    registry().map_imperatively(kind, table)
    return kind


TASK, STEP, LINE, MESSAGE = (mapped(table) for table in (tasks, task_history, audit_logs, outbox))


def row(kind: type[Any], **values: Any) -> Any:
    """An object of a mapped class."""
    made = kind()
    for name, value in values.items():
        setattr(made, name, value)
    return made


async def by_orm(engine: AsyncEngine, number: int) -> None:
    """The rows of one new task, as a program writes them that uses the ORM."""
    now, own = datetime.now(UTC), uuid4()
    payload = {"n": number, "text": "what is to be done"}
    async with AsyncSession(engine) as session:
        session.add(
            row(
                TASK, id=own, type="analysis", status="pending", priority=5, payload=payload, attempts=0,
                correlation_id=ME.correlation_id, created_at=now, updated_at=now,
            )
        )  # fmt: skip
        await session.flush()
        session.add(row(STEP, id=uuid4(), task_id=own, to_status="pending", message="", created_at=now))
        session.add(
            row(
                LINE, id=uuid4(), created_at=now, actor="user", action="created", entity="task",
                entity_id=str(own), correlation_id=ME.correlation_id,
                after={"type": "analysis", "payload": payload},
            )
        )  # fmt: skip
        body = {
            "id": str(own), "type": "analysis", "payload": payload, "timestamp": now.isoformat(),
            "correlation_id": ME.correlation_id, "retry_count": 0,
        }  # fmt: skip
        session.add(row(MESSAGE, id=uuid4(), routing_key="task.created", body=body, created_at=now))
        await session.commit()


async def rate(work: Callable[[int], Awaitable[Any]]) -> float:
    """How often a second `work` is done, some at once."""
    numbers = iter(range(INSERTS))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return INSERTS / (time.perf_counter() - began)


async def beside(database: Database, engine: AsyncEngine, name: str) -> Measure:
    """The best rounds of both, turn about."""
    store = records_in(database).tasks

    async def by_port(number: int) -> None:
        payload = {"n": number, "text": "what is to be done"}
        await store.create(TaskCreate(type="analysis", payload=payload), ME)

    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(await rate(lambda number: by_orm(engine, number)))
        ours.append(await rate(by_port))
    told = f"{max(ours):,.0f}/s; ORM {max(theirs):,.0f}/s; a task with its 3 lines, {AT_ONCE} at once"
    return Measure(name, max(ours) / max(theirs), "×", 0.8, at_least=True, baseline=told)


async def sqlite_insert() -> list[Measure]:
    """Inserts into SQLite."""
    with TemporaryDirectory(prefix="sutazai-bench-") as folder:
        async with (
            SqliteDatabase(Path(folder) / "ours.db", lambda _: None) as database,
            SqliteDatabase(Path(folder) / "theirs.db", lambda _: None),
        ):
            engine = create_async_engine(
                f"sqlite+aiosqlite:///{Path(folder) / 'theirs.db'}", pool_size=1, max_overflow=0
            )

            def prepare(connection: Any, _record: object) -> None:
                cursor = connection.cursor()
                for pragma in PRAGMAS:
                    cursor.execute(pragma)
                cursor.close()

            event.listen(engine.sync_engine, "connect", prepare)
            measure = await beside(database, engine, "store-insert")
            await engine.dispose()
    return [measure]


async def postgres_insert() -> list[Measure]:
    """Inserts into a real PostgreSQL."""
    sys.path.insert(0, str(ROOT / "tests" / "harness"))
    from real_postgres import real_postgres

    from backend_embedded.storage.postgres import PostgresDatabase
    from backend_embedded.storage.postgres_engine import address

    with real_postgres() as server:
        ours, theirs = server.database(), server.database()
        async with PostgresDatabase(server.url(theirs), lambda _: None):
            pass
        async with PostgresDatabase(server.url(ours), lambda _: None) as database:
            engine = create_async_engine(address(server.url(theirs)), pool_size=5, max_overflow=15)
            measure = await beside(database, engine, "store-insert-postgresql")
            await engine.dispose()
        return [measure]


async def api_rate() -> list[Measure]:
    """Requests a second for a list of 100 of 10,000 tasks, of 100 clients at once, by a real backend."""
    with TemporaryDirectory(prefix="sutazai-bench-") as folder:
        home = Path(folder)
        settings = {"keep_alive_s": 0, "provider": "llama_cpp", "cache": "embedded", "queue": "embedded"}
        write_whole(home / "config" / "backend.json", json.dumps(settings))
        await fill(home / "data" / "control-center.db")
        command = [sys.executable, "-m", "app", "--home", str(home), "serve"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        try:
            ready = json.loads(await asyncio.wait_for(process.stdout.readline(), READY_PATIENCE_S))
            token = (home / "run" / "token").read_text().strip()
            seen = await loaded(f"{ready['url']}/api/v1/tasks?limit=100", token)
        finally:
            process.terminate()
            await process.wait()
    if seen["errors"]:
        raise RuntimeError(f"{seen['errors']:.0f} requests failed")
    told = f"{TASKS:,} tasks, {CLIENTS} clients, median {seen['p50_ms']:.0f} ms, no error"
    return [
        Measure("api-rate", seen["per_s"], "/s", 1_000, at_least=True, baseline=told),
        Measure("api-rate-p95", seen["p95_ms"], "ms", 200, baseline=told),
    ]


async def loaded(url: str, token: str) -> dict[str, float]:
    """What the clients saw, who are in a process of their own."""
    script = Path(__file__).with_name("load.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), url, token, str(CLIENTS), str(SECONDS), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{script.name} ended with {process.returncode}")
    seen: dict[str, float] = json.loads(output)
    return seen


async def fill(file: Path) -> None:
    """A store with the tasks."""
    now = datetime.now(UTC)
    rows = [
        {
            "id": uuid4(), "type": "analysis", "status": "pending", "priority": n % 10 + 1,
            "payload": {"n": n, "text": "what is to be done " * 3},
            "created_at": now - timedelta(seconds=n), "updated_at": now,
        }
        for n in range(TASKS)
    ]  # fmt: skip

    async def work(connection: Any) -> None:
        await connection.execute(insert(tasks), rows)

    async with SqliteDatabase(file, lambda _: None) as database:
        await database.write(work)
