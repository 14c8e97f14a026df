"""The figures of the message queue: embedded beside bare commits, RabbitMQ beside its bare driver, the switch."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from measure import Measure, middle

from backend_embedded.contract.queue import QueueName, TaskMessage
from backend_embedded.queue.embedded import EmbeddedQueue
from backend_embedded.queue.failover import FailoverQueue
from backend_embedded.queue.group_commit import PRAGMAS
from backend_embedded.queue.port import Delivery, MessageQueue, Outcome
from backend_embedded.queue.rabbitmq import RabbitQueue

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "harness"), str(ROOT / "packaging")]

import rabbitmq_server  # noqa: E402
from queue_stage import until  # noqa: E402
from real_rabbitmq import RealRabbit, real_rabbitmq  # noqa: E402

IN_FLIGHT = 100
ROUNDS, RABBIT_ROUNDS = 5, 9
EMBEDDED_MESSAGES, COMMITS = 10_000, 3_000
RABBIT_MESSAGES = 2_000
KILLS = 3
KEY = "task.bench"
PAYLOAD = {"text": "x" * 200}


def message() -> TaskMessage:
    return TaskMessage(id=uuid4(), payload=PAYLOAD, timestamp=datetime.now(UTC), correlation_id=uuid4())


async def at_once(count: int, do: Callable[[], Awaitable[object]]) -> None:
    """Do it so often, `IN_FLIGHT` at once."""
    left = iter(range(count))

    async def go_on() -> None:
        for _ in left:
            await do()

    await asyncio.gather(*(go_on() for _ in range(IN_FLIGHT)))


async def through(queue: MessageQueue, count: int) -> float:
    """Seconds until so many messages are published, handled and acknowledged."""
    handled = 0
    done = asyncio.Event()

    async def handle(delivery: Delivery) -> Outcome:
        nonlocal handled
        handled += 1
        if handled == count:
            done.set()
        return Outcome.ACK

    async with queue.consume(QueueName.TASK, handle, prefetch=IN_FLIGHT):
        began = time.perf_counter()
        await at_once(count, lambda: queue.publish(KEY, message()))
        await done.wait()
        return time.perf_counter() - began


# -- embedded -------------------------------------------------------------------------------------


async def embedded() -> list[Measure]:
    """Confirmed messages a second with 100 in flight ÷ commits a second of one writer, on the same file."""
    with TemporaryDirectory(prefix="sutazai-bench-") as folder:
        file = Path(folder) / "queue.db"
        ours, bare, whole = [], [], []
        for _ in range(ROUNDS):
            async with EmbeddedQueue(file) as queue:
                began = time.perf_counter()
                await at_once(EMBEDDED_MESSAGES, lambda: queue.publish(KEY, message()))
                ours.append(EMBEDDED_MESSAGES / (time.perf_counter() - began))
                wipe(file)
                whole.append(EMBEDDED_MESSAGES / await through(queue, EMBEDDED_MESSAGES))
            bare.append(commits_per_s(file))
            wipe(file)
    told = (
        f"bare commits {max(bare):,.0f}/s, published {max(ours):,.0f}/s, "
        f"published, handled and acknowledged {max(whole):,.0f}/s"
    )
    return [Measure("queue-embedded", max(ours) / max(bare), "×", 2, at_least=True, baseline=told)]


def wipe(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM messages")


def commits_per_s(file: Path) -> float:
    """One transaction a message, written as the queue writes it, by a program that does nothing else."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        bodies = [message().model_dump_json().encode() for _ in range(COMMITS)]
        began = time.perf_counter()
        for body in bodies:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO messages (queue, id, routing_key, body, headers, published_at) VALUES (?,?,?,?,?,?)",
                (QueueName.TASK.value, str(uuid4()), KEY, body, "{}", time.time()),
            )
            connection.execute("COMMIT")
        return COMMITS / (time.perf_counter() - began)


# -- RabbitMQ -------------------------------------------------------------------------------------


@asynccontextmanager
async def beside(folder: Path) -> AsyncIterator[tuple[FailoverQueue, RealRabbit]]:
    """The queue of the program, connected to a real server; RuntimeError with the reason when there is none."""
    try:
        rabbitmq_server.ensure()
    except rabbitmq_server.NoServerError as reason:
        raise RuntimeError(f"no RabbitMQ: {reason}") from None

    async def broker(url: str, changed: Callable[[], None]) -> RabbitQueue:
        return RabbitQueue(url, None, changed)

    with real_rabbitmq() as server:
        async with (
            EmbeddedQueue(folder / "queue.db") as own,
            FailoverQueue(own, lambda: server.url, broker) as queue,
        ):
            await served_by(queue, "rabbitmq")
            yield queue, server


async def served_by(queue: MessageQueue, provider: str) -> None:
    async def so() -> bool:
        return queue.capability().provider == provider

    await until(so, 60)


async def rabbitmq() -> list[Measure]:
    """Messages a second published and consumed through the port ÷ with the driver alone, same queue."""
    with TemporaryDirectory(prefix="sutazai-bench-") as folder:
        async with beside(Path(folder)) as (queue, server):
            product = queue.capability().product
            ours, bare = [], []
            await through(queue, RABBIT_MESSAGES)  # warm
            for _ in range(RABBIT_ROUNDS):
                bare.append(RABBIT_MESSAGES / await driver_alone(server.url, RABBIT_MESSAGES))
                ours.append(RABBIT_MESSAGES / await through(queue, RABBIT_MESSAGES))
    told = f"{product}, quorum queue: aio-pika {max(bare):,.0f} messages/s, ours {max(ours):,.0f}"
    return [Measure("queue-rabbitmq", max(ours) / max(bare), "×", 0.8, at_least=True, baseline=told)]


async def driver_alone(url: str, count: int) -> float:
    """The same with aio-pika: confirmed, persistent, mandatory, acknowledged one by one."""
    handled = 0
    done = asyncio.Event()

    async def handle(received: AbstractIncomingMessage) -> None:
        nonlocal handled
        await received.ack()
        handled += 1
        if handled == count:
            done.set()

    connection = await aio_pika.connect(url)
    async with connection:
        sending, consuming = await connection.channel(), await connection.channel()
        await consuming.set_qos(prefetch_count=IN_FLIGHT)
        exchange = await sending.get_exchange("sutazai", ensure=False)
        queue = await consuming.get_queue(QueueName.TASK.value, ensure=False)
        await queue.consume(handle)

        async def publish() -> None:
            body = message().model_dump_json().encode()
            await exchange.publish(
                aio_pika.Message(
                    body, message_id=str(uuid4()), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                ),
                KEY,
            )

        began = time.perf_counter()
        await at_once(count, publish)
        await done.wait()
        return time.perf_counter() - began


# -- the switch -----------------------------------------------------------------------------------


async def failover() -> list[Measure]:
    """From the end of the server (kill -9) until the next message is kept and handled by the embedded queue."""
    times: list[float] = []
    with TemporaryDirectory(prefix="sutazai-bench-") as folder:
        async with beside(Path(folder)) as (queue, server):
            handled: list[str] = []
            told = asyncio.Event()

            async def handle(delivery: Delivery) -> Outcome:
                handled.append(str(delivery.message_id))
                told.set()
                return Outcome.ACK

            async def one() -> None:
                own = str(await queue.publish(KEY, message()))
                while own not in handled:
                    told.clear()
                    await told.wait()

            async with queue.consume(QueueName.TASK, handle):
                for _ in range(KILLS):
                    await one()
                    server.kill()
                    began = time.perf_counter()
                    await one()
                    times.append((time.perf_counter() - began) * 1_000)
                    assert queue.capability().provider == "embedded"
                    server.launch()
                    await served_by(queue, "rabbitmq")
                await one()
                server.hang()
                began = time.perf_counter()
                await one()
                hung_ms = (time.perf_counter() - began) * 1_000
                server.go_on()
    told_text = (
        f"worst of {KILLS} kills, median {middle(times):.0f} ms; a server that hangs: {hung_ms:.0f} ms"
    )
    return [Measure("failover-queue", max(times), "ms", 500, baseline=told_text)]
