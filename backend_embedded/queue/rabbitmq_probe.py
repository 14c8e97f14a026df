"""Tries the address of a RabbitMQ server, and leaves nothing there."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import aio_pika

from backend_embedded.contract.probes import ServiceFound, ServiceKind
from backend_embedded.errors import QueueUnavailable
from backend_embedded.queue.broker import listens
from backend_embedded.queue.rabbitmq_link import CONNECT_S, place, translated


async def tried(url: str) -> ServiceFound:
    """What the server at an address tells of itself.

    Raises:
        QueueUnavailable: it is not there, does not answer, or does not let us in.
    """
    if not await listens(url):  # the driver would write its own trouble to the log
        raise QueueUnavailable(f"RabbitMQ at {place(url)} cannot be reached: nobody listens there.")
    with translated(url):
        async with asyncio.timeout(CONNECT_S):
            connection = await aio_pika.connect(url, timeout=CONNECT_S)
            try:
                began_s = time.perf_counter()
                await connection.channel()
                latency_ms = (time.perf_counter() - began_s) * 1000
                transport = connection.transport
                told = transport.connection.server_properties if transport is not None else {}
            finally:
                await connection.close()
    return ServiceFound(
        kind=ServiceKind.QUEUE,
        product=_text(told.get("product")) or urlsplit(url).scheme.upper(),
        version=_text(told.get("version")),
        latency_ms=latency_ms,
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
