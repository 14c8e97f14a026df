"""Which broker is used, and when: by the setting, by who listens, lets us in and takes messages; the circuit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from broker_stage import URL, Desk, provided, so
from queue_stage import Remembering, event, holds, task, until

from backend_embedded.contract.queue import QueueName
from backend_embedded.contract.status import State
from backend_embedded.queue.broker import AUTO, EMBEDDED, Waits
from backend_embedded.resilience.breaker import CircuitBreaker


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_after_five_failures_it_is_not_even_asked_until_a_time_that_is_told(desk: Desk) -> None:
    now_s = 0.0
    desk.breaker = CircuitBreaker(clock=lambda: now_s)
    async with desk.open() as queue:
        desk.broker.full = True  # it answers, and takes nothing
        for number in range(5):
            await queue.publish("task.a", task(number))
        await until(lambda: so(queue.circuit == "open"))
        asked = desk.broker.sends
        assert asked >= 5
        looks = len(desk.told)
        await queue.publish("task.a", task(5))
        queue.look_soon()
        await holds(desk.own, QueueName.TASK, 6)
        capability = queue.capability()
        assert (capability.state, capability.provider) == (State.DEGRADED, "embedded")
        assert f"in time. {desk.breaker.told} Messages are kept" in capability.reason
        assert "asked again at" in desk.told[-1].reason
        assert desk.broker.sends == asked
        assert len(desk.told) == looks, "and that is said once"
        desk.broker.full = False
        now_s = 30.0
        queue.look_soon()
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 6)
        assert queue.circuit == "closed"


async def test_failures_with_good_calls_between_them_do_not_add_up(desk: Desk) -> None:
    desk.breaker = CircuitBreaker(clock=lambda: 0.0)
    async with desk.open() as queue:
        for number in range(20):
            desk.broker.full = number % 2 == 0
            await queue.publish("task.a", task(number))
        assert queue.circuit == "closed"


async def test_a_new_connection_begins_with_a_closed_circuit(desk: Desk) -> None:
    desk.breaker = CircuitBreaker(clock=lambda: 0.0)
    async with desk.open() as queue:
        desk.broker.full = True
        for number in range(5):
            await queue.publish("task.a", task(number))
        await until(lambda: so(queue.circuit == "open"))
        desk.broker.goes()
        desk.broker.full = False
        desk.broker.comes()
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 5)


async def test_another_setting_leaves_the_broker(desk: Desk) -> None:
    handler = Remembering()
    async with desk.open() as queue, queue.consume(QueueName.EVENT, handler):
        desk.setting = EMBEDDED
        queue.look_soon()
        await until(lambda: provided(queue, "embedded"))
        assert queue.capability().state is State.OK
        await queue.publish("event.a", event(1))
        await handler.has(1)
        await holds(desk.own, QueueName.EVENT, 0)
        desk.setting = URL
        queue.look_soon()
        await until(lambda: provided(queue, "rabbitmq"))
        await queue.publish("event.a", event(2))
        await handler.has(2)
    assert len(desk.made) == 2


async def test_auto_takes_what_listens(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_server(("127.0.0.1", 0)) as closed:
        silent = closed.getsockname()[1]
        closed.close()
        desk.setting = AUTO
        desk.usual = (f"amqp://127.0.0.1:{silent}/", f"amqp://127.0.0.1:{there.getsockname()[1]}/")
        async with desk.open() as queue:
            await until(lambda: provided(queue, "rabbitmq"))
    assert len(desk.made) == 1


async def test_auto_without_a_broker_is_no_failure(desk: Desk) -> None:
    desk.setting = AUTO
    async with desk.open() as queue:
        await queue.publish("event.a", event())
        assert queue.capability().state is State.OK
    assert (desk.made, desk.told) == ([], [])


async def test_auto_says_who_refuses_and_is_no_failure(desk: Desk) -> None:
    with listening(2) as (first, second):
        desk.setting, desk.usual, desk.unlike = AUTO, (first, second), {first}
        async with desk.open() as queue:
            await until(lambda: provided(queue, "rabbitmq"))  # the other place is the right one
            assert queue.capability().reason == ""
        desk.unlike, told = {first, second}, len(desk.told)
        async with desk.open() as queue:
            await until(lambda: so(queue.capability().reason.count("refuses") == 2))
            capability = queue.capability()
            assert (capability.state, capability.provider) == (State.OK, "embedded")
            assert capability.reason.endswith("refuses the user guest or the password. Give its address.")
            made = len(desk.made)
            await until(lambda: so(len(desk.made) > made + 3))  # they are tried again and again
            assert [one.reason for one in desk.told[told:]] == [capability.reason], "and it is said once"
            desk.setting = EMBEDDED
            queue.look_soon()
            await until(lambda: so(queue.capability().reason == ""))
            desk.setting = first
            queue.look_soon()
            await until(lambda: so(queue.capability().state is State.DEGRADED))


async def test_who_refuses_us_is_not_asked_at_every_look(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        there.setblocking(False)
        url = f"amqp://127.0.0.1:{there.getsockname()[1]}/"
        desk.setting, desk.usual, desk.unlike, desk.waits = AUTO, (url,), {url}, Waits(0.1, 0.02, 3_600)
        async with desk.open() as queue:
            await until(lambda: so(bool(queue.capability().reason)))
            loop = asyncio.get_running_loop()
            for _ in range(4):  # each look sees whether it is still there
                connection, _ = await loop.sock_accept(there)
                connection.close()
            assert len(desk.made) == 1
            assert "refuses" in queue.capability().reason
            desk.unlike = set()
            queue.look_soon()  # as after a change of the settings
            await until(lambda: provided(queue, "rabbitmq"))
    assert len(desk.made) == 2


@contextmanager
def listening(count: int) -> Iterator[tuple[str, ...]]:
    """Addresses of this machine where somebody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        yield tuple(f"amqp://127.0.0.1:{one.getsockname()[1]}/" for one in sockets)


@pytest.mark.allow_logs("The look for a message broker failed")
async def test_a_look_that_fails_in_an_unknown_way_is_told_and_is_not_the_last_one(desk: Desk) -> None:
    desk.broken = KeyError("the driver")
    async with desk.open() as queue:
        await until(lambda: so(queue.capability().state is State.DEGRADED))
        assert "cannot be used: 'the driver'" in queue.capability().reason
        await until(lambda: so(bool(desk.told)))
        await queue.publish("task.a", task())
        desk.broken = None
        await until(lambda: provided(queue, "rabbitmq"))
        await holds(desk.broker, QueueName.TASK, 1)
