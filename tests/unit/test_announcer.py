"""What happens in the program becomes event messages, with nothing secret in them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from queue_stage import Remembering, until

from backend_embedded.announcing.announcer import Announcer
from backend_embedded.bus.embedded import RingEventLog
from backend_embedded.contract.events import (
    CapabilityChanged,
    Event,
    ModelsChanged,
    SettingsChanged,
    Snapshot,
)
from backend_embedded.contract.models import Engine, EngineState, Model
from backend_embedded.contract.queue import QueueName
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import Capability, State, SystemStatus
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.messages import Message
from backend_embedded.queue.port import Delivery, Handler, Outcome

AT = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "postgresql://me:a-secret@db/name"


def model(name: str, *, loaded: bool) -> Model:
    return Model(name=name, title=name, provider="p", path="/p", size_bytes=1, loaded=loaded)


async def snapshot() -> Snapshot:
    return Snapshot(
        status=SystemStatus(version="0", run_id="r", started_at=AT, state=State.OK, capabilities=()),
        engine=Engine(state=EngineState.READY),
        models=(model("one", loaded=True), model("two", loaded=False)),
        settings=BackendSettings(),
    )


HAPPENS: list[tuple[Event, list[tuple[str, dict[str, Any]]]]] = [
    (ModelsChanged(models=(model("one", loaded=True), model("two", loaded=False))), []),
    (
        ModelsChanged(models=(model("one", loaded=False), model("two", loaded=True))),
        [("MODEL_LOADED", {"model": "two"}), ("MODEL_UNLOADED", {"model": "one"})],
    ),
    (SettingsChanged(settings=BackendSettings()), []),
    (
        SettingsChanged(settings=BackendSettings(database_url=SECRET), fields=("threads", "database_url")),
        [("SETTINGS_CHANGED", {"fields": ["threads", "database_url"]})],
    ),
    (
        CapabilityChanged(
            capability=Capability(
                name="store", state=State.DOWN, provider="embedded", product="SQLite", reason="Full.", since=AT
            )
        ),
        [
            (
                "CAPABILITY_CHANGED",
                {
                    "name": "store", "state": "down", "provider": "embedded", "product": "SQLite",
                    "reason": "Full.",
                },
            )
        ],
    ),
]  # fmt: skip


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[EmbeddedQueue]:
    async with EmbeddedQueue(tmp_path / "queue.db") as queue:
        yield queue


async def read(woken: list[int]) -> bool:
    """Whether the snapshot was."""
    return bool(woken)


async def test_what_happens_is_announced(queue: EmbeddedQueue) -> None:
    events = RingEventLog("r", snapshot)
    woken: list[int] = []
    handler = Remembering()
    wanted = [happening for _, happenings in HAPPENS for happening in happenings]

    async with queue.consume(QueueName.EVENT, handle_any(handler), prefetch=1):
        async with Announcer(events, queue, lambda: woken.append(1)):
            await until(lambda: read(woken))
            for event, _ in HAPPENS:
                events.publish(event)
            await handler.has(len(wanted))
        events.close()
    told = [json.loads(one.body) for one in handler.got]
    assert [(one["event_type"], one["data"]) for one in told] == wanted
    assert [one.routing_key for one in handler.got] == [f"event.{name.lower()}" for name, _ in wanted]
    assert {one["source"] for one in told} == {"control_center"}
    assert len(woken) == 1 + len(HAPPENS)
    assert not any(b"a-secret" in one.body for one in handler.got)


@pytest.mark.allow_logs("MODEL_LOADED could not be announced")
async def test_what_fails_in_an_unknown_way_does_not_end_it(queue: EmbeddedQueue) -> None:
    failures = [KeyError("a driver's own")]

    class Failing(EmbeddedQueue):
        async def publish(self, routing_key: str, message: Message, message_id: UUID | None = None) -> UUID:
            if failures:
                raise failures.pop()
            return await queue.publish(routing_key, message, message_id)

    events = RingEventLog("r", snapshot)
    handler = Remembering()
    woken: list[int] = []
    async with (
        queue.consume(QueueName.EVENT, handle_any(handler)),
        Announcer(events, Failing(Path("never opened")), lambda: woken.append(1)),
    ):
        await until(lambda: read(woken))
        for event, _ in HAPPENS:
            events.publish(event)
        await handler.has(sum(len(happenings) for _, happenings in HAPPENS) - 1)
    assert failures == []


def handle_any(handler: Remembering) -> Handler:
    async def handle(delivery: Delivery) -> Outcome:
        handler.got.append(delivery)
        handler.changed.set()
        return Outcome.ACK

    return handle
