from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import UUID, uuid4

from backend_embedded.bus.embedded import RingEventLog
from backend_embedded.contract.events import ConversationRemoved, Event, Snapshot
from backend_embedded.contract.models import Engine, EngineState
from backend_embedded.contract.settings import BackendSettings
from backend_embedded.contract.status import State, SystemStatus


async def whole_state() -> Snapshot:
    status = SystemStatus(
        version="0", run_id="run", started_at=datetime.now(UTC), state=State.OK, capabilities=()
    )
    return Snapshot(
        status=status, engine=Engine(state=EngineState.READY), models=(), settings=BackendSettings()
    )


def made(kept: int = 100) -> RingEventLog:
    return RingEventLog("run", whole_state, kept)


def happened() -> ConversationRemoved:
    return ConversationRemoved(conversation_id=uuid4())


def number_of(event: Event) -> UUID:
    assert isinstance(event, ConversationRemoved)
    return event.conversation_id


async def take(log: RingEventLog, count: int, last_id: str | None = None) -> list[tuple[str, Event]]:
    found = []
    async with aclosing(log.subscribe(last_id)) as events:
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_new_subscriber_gets_a_snapshot_then_what_happens() -> None:
    log = made()
    log.publish(happened())
    async with aclosing(log.subscribe()) as events:
        first_id, first = await anext(events)
        assert (first_id, first.kind) == ("run:1", "snapshot")
        log.publish(happened())
        assert (await anext(events))[0] == "run:2"
        assert log.subscribers == 1
    assert log.subscribers == 0


async def test_an_id_is_resumed_without_a_snapshot() -> None:
    log = made()
    published = [happened() for _ in range(10)]
    for event in published:
        log.publish(event)
    found = await take(log, 6, "run:4")
    assert [event_id for event_id, _ in found] == [f"run:{n}" for n in range(5, 11)]
    assert [number_of(event) for _, event in found] == [event.conversation_id for event in published[4:]]


async def test_what_cannot_be_resumed_starts_with_a_snapshot() -> None:
    log = made(kept=5)
    for _ in range(20):
        log.publish(happened())
    for last_id in ("run:3", "other:18", "run:21", "run:-1", "run:x", "", "18"):
        ((event_id, event),) = await take(log, 1, last_id)
        assert (event_id, event.kind) == ("run:20", "snapshot"), last_id
    ((event_id, event),) = await take(log, 1, "run:15")
    assert (event_id, event.kind) == ("run:16", "conversation_removed")


async def test_a_slow_subscriber_gets_a_gap_and_delays_nobody() -> None:
    log = made(kept=10)
    async with aclosing(log.subscribe()) as slow, aclosing(log.subscribe()) as quick:
        await anext(slow)
        await anext(quick)
        for number in range(1, 31):
            log.publish(happened())
            assert (await anext(quick))[0] == f"run:{number}"
        event_id, event = await anext(slow)
        assert (event_id, event.kind) == ("run:30", "snapshot")
        log.publish(happened())
        assert (await anext(slow))[0] == "run:31"


async def test_what_happens_while_a_snapshot_is_made_follows_it() -> None:
    making, go = asyncio.Event(), asyncio.Event()

    async def slow_state() -> Snapshot:
        making.set()
        await go.wait()
        return await whole_state()

    log = RingEventLog("run", slow_state)
    first = asyncio.create_task(take(log, 2))
    await making.wait()
    log.publish(happened())
    go.set()
    assert [event_id for event_id, _ in await first] == ["run:0", "run:1"]


async def test_closing_ends_every_subscription() -> None:
    log = made()
    async with aclosing(log.subscribe()) as waits, aclosing(log.subscribe()) as idle:
        await anext(waits)
        await anext(idle)
        waiting = asyncio.ensure_future(anext(waits, None))
        log.close()
        assert await waiting is None
        assert await anext(idle, None) is None
