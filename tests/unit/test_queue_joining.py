"""The same message twice at once: one of them is worked at, the other has its outcome."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from queue_stage import Remembering, event

from backend_embedded.queue.joining import JoinedHandler
from backend_embedded.queue.port import Delivery, Outcome


async def test_a_message_that_comes_twice_at_once_is_worked_at_once() -> None:
    remembering = Remembering(hold=asyncio.Event())
    handler = JoinedHandler(remembering)
    own = event(4)
    delivery = Delivery(UUID(int=1), "event.a", own.model_dump_json().encode())
    both = [asyncio.create_task(handler(delivery)) for _ in range(2)]
    await remembering.has(1)
    assert remembering.hold is not None
    remembering.hold.set()
    assert await asyncio.gather(*both) == [Outcome.ACK, Outcome.ACK]
    assert len(remembering.got) == 1
    await handler(delivery)
    assert len(remembering.got) == 2  # what comes later, the mark of the effect recognises


async def test_who_waits_for_a_cancelled_one_has_it_come_again() -> None:
    remembering = Remembering(hold=asyncio.Event())
    handler = JoinedHandler(remembering)
    delivery = Delivery(UUID(int=1), "event.a", event(4).model_dump_json().encode())
    first, second = (asyncio.create_task(handler(delivery)) for _ in range(2))
    await remembering.has(1)
    first.cancel()
    assert await second is Outcome.REQUEUE
    with pytest.raises(asyncio.CancelledError):
        await first
    assert remembering.now == 0
