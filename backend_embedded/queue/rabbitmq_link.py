"""One connection to RabbitMQ: the topology declared, messages sent with confirmation, queues looked at."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, cast
from urllib.parse import urlsplit

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, AuthenticationError, DeliveryError, ProbableAuthenticationError
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from backend_embedded.contract.queue import QueueName
from backend_embedded.errors import ControlCenterError, QueueUnavailable
from backend_embedded.queue.broker import REFUSED, listens
from backend_embedded.queue.topology import BINDINGS, DELIVERY_LIMIT, EXCHANGE

CONNECT_S = 3.0
ANSWER_S = 2.0
"""Longest wait for the answer to a question about the topology."""
CLOSE_S = 0.5
HEARTBEAT_S = 10
PERSISTENT = 2
APP_ID = "sutazai-control-center"
COUNT_HEADER = "x-delivery-count"
"""Quorum queues count in it how often they gave a message back; for the event queue this program does."""
KEY_HEADER = "x-routing-key"
"""The key of a message that was put straight into a queue."""

TO_DEAD_LETTERS = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": QueueName.DEAD.value}
QUORUM = TO_DEAD_LETTERS | {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERY_LIMIT,
    # A dead letter is confirmed by the queue it goes to before it is forgotten here; that asks for the overflow.
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
ARGUMENTS: Mapping[QueueName, dict[str, Any]] = {
    # Classic: quorum queues count each look at a letter as a delivery, and drop it after some.
    QueueName.DEAD: {"x-queue-type": "classic"},
    QueueName.TASK: QUORUM,
    QueueName.RESULT: QUORUM,
    QueueName.EVENT: TO_DEAD_LETTERS | {"x-queue-type": "classic"},
}


@dataclass(frozen=True, slots=True)
class Depth:
    """What the broker says of a queue."""

    ready: int
    consumers: int


class RabbitLink:
    """An open connection; make it with `open`.

    Every method raises QueueUnavailable when the broker does not do what is asked.
    """

    def __init__(
        self, connection: AbstractConnection, sending: AbstractChannel, control: AbstractChannel, url: str
    ) -> None:
        self._connection = connection
        self._sending = sending
        self._control = control
        self._url = url
        self._left = False

    @classmethod
    async def open(cls, url: str, lost: Callable[[], None]) -> Self:
        """Connect and declare the topology; `lost` is called when the connection ends, unless it was left."""
        if not _is_address(url):
            raise QueueUnavailable("The message queue's address in the settings is none: amqp://HOST:PORT/.")
        if not await listens(url):  # the driver would write its own trouble to the log at every try
            raise QueueUnavailable(f"RabbitMQ at {place(url)} cannot be reached: nobody listens there.")
        with translated(url):
            async with asyncio.timeout(CONNECT_S):
                connection = await aio_pika.connect(
                    url,
                    timeout=CONNECT_S,
                    heartbeat=HEARTBEAT_S,
                    client_properties={"connection_name": APP_ID},
                )
                try:
                    link = cls(connection, await connection.channel(), await connection.channel(), url)
                    await link._declare()
                except BaseException:
                    await _close(connection)
                    raise

        def ended(*_: object) -> None:
            # One that hung and was left may end much later: that is no loss of the one that came after it.
            if not link._left:
                lost()

        connection.close_callbacks.add(ended)
        return link

    async def _declare(self) -> None:
        exchange = await self._sending.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        for name, arguments in ARGUMENTS.items():
            queue = await self._sending.declare_queue(name.value, durable=True, arguments=arguments)
            if name in BINDINGS:
                await queue.bind(exchange, BINDINGS[name])

    @property
    def product(self) -> str:
        """What answers, with its version: `RabbitMQ 3.10.8`."""
        transport = self._connection.transport
        told = transport.connection.server_properties if transport is not None else {}
        return f"{_text(told.get('product')) or 'AMQP broker'} {_text(told.get('version'))}".strip()

    @property
    def is_open(self) -> bool:
        """Whether the connection is believed to be there."""
        return not (self._connection.is_closed or self._sending.is_closed)

    async def send(
        self, key: str, body: bytes, message_id: str, headers: dict[str, Any], *, to_queue: bool = False
    ) -> None:
        """Publish to the exchange (or to the queue that `key` names) and wait for the broker's confirmation."""
        with translated(self._url):
            # Of the driver's driver: it does not wait until each message has left before it takes the next one.
            channel = cast("aiormq.Channel", await self._sending.get_underlay_channel())
            answer = await channel.basic_publish(
                body,
                exchange="" if to_queue else EXCHANGE,
                routing_key=key,
                properties=_properties(message_id, headers),
                mandatory=True,
                wait=False,
            )
        if isinstance(answer, DeliveredMessage):
            # Confirmed all the same: the broker took it and threw it away.
            raise QueueUnavailable(
                f"RabbitMQ has no queue for the key {key}.", remedy="The queues are declared again.", key=key
            )

    async def consuming(self, prefetch: int) -> AbstractChannel:
        """A channel of its own for a consumer."""
        with translated(self._url):
            async with asyncio.timeout(ANSWER_S):
                channel = await self._connection.channel()
                await channel.set_qos(prefetch_count=prefetch)
                return channel

    async def depths(self) -> dict[QueueName, Depth]:
        """All queues."""
        # The driver closes the channel of a question that is given up: who goes away leaves it to its end.
        asking = asyncio.ensure_future(self._ask())
        asking.add_done_callback(_heard)
        with translated(self._url):
            return await asyncio.shield(asking)

    async def _ask(self) -> dict[QueueName, Depth]:
        found = {}
        async with asyncio.timeout(ANSWER_S):
            for name in QueueName:
                queue = await self._control.declare_queue(name.value, passive=True)
                told = queue.declaration_result
                found[name] = Depth(told.message_count or 0, told.consumer_count or 0)
        return found

    async def dead_letters(self) -> AsyncGenerator[AbstractIncomingMessage, None]:
        """Take the dead letters one by one, oldest first; those that are not acknowledged go back in their order
        when the iteration is closed."""
        with translated(self._url):
            channel = await self._connection.channel()
            try:
                queue = await channel.get_queue(QueueName.DEAD.value, ensure=False)
                while (message := await queue.get(no_ack=False, fail=False, timeout=ANSWER_S)) is not None:
                    yield message
            finally:
                await channel.close()

    async def close(self) -> None:
        """Leave, also from a broker that does not answer."""
        self._left = True
        await _close(self._connection)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise QueueUnavailable in place of what the driver raises."""
    try:
        yield
    except ControlCenterError:
        raise
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise QueueUnavailable(
            f"RabbitMQ at {place(url)} refuses the user {urlsplit(url).username or 'guest'} or the password.",
            remedy="Give its address with user and password in Settings, Services.",
            **{REFUSED: True},
        ) from error
    except DeliveryError as error:
        raise QueueUnavailable(
            f"RabbitMQ at {place(url)} does not take the message.",
            remedy="Look at its queues and its memory.",
        ) from error
    except TimeoutError as error:
        raise QueueUnavailable(f"RabbitMQ at {place(url)} does not answer in time.") from error
    except (AMQPError, OSError, RuntimeError, ValueError) as error:
        raise QueueUnavailable(f"RabbitMQ at {place(url)} cannot be reached: {_words(error)}.") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # The driver cancels what waits for an answer when the connection ends.
        raise QueueUnavailable(f"RabbitMQ at {place(url)} went away.") from error


def place(url: str) -> str:
    """Host and port of an address; never its password."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or '127.0.0.1'}:{parts.port or 5672}"
    except ValueError:
        return "an address that is none"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("amqp", "amqps") and parts.port != 0
    except ValueError:
        return False


async def _close(connection: AbstractConnection) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_S):
            await connection.close()


def _properties(message_id: str, headers: dict[str, Any]) -> Basic.Properties:
    return Basic.Properties(
        headers=headers,
        content_type="application/json",
        delivery_mode=PERSISTENT,
        message_id=message_id,
        timestamp=datetime.now(UTC),
        app_id=APP_ID,
    )


def _heard(asking: asyncio.Future[dict[QueueName, Depth]]) -> None:
    """Nobody may wait for the answer any longer: its error is no news then."""
    if not asking.cancelled():
        asking.exception()


def _words(error: BaseException) -> str:
    text = str(error).strip().rstrip(".")
    return text[:200] or type(error).__name__


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
