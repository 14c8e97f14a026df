"""Connects to Redis; its driver is loaded when there is a server, and not before."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from concurrent.futures import ThreadPoolExecutor

from backend_embedded.cache.address import host_and_port
from backend_embedded.cache.port import ServerCache, ServerFacts
from backend_embedded.errors import CacheUnavailable

PRODUCT = "Redis"
CONNECT_S = 0.5
"""Longest wait for somebody to take a connection."""


class RedisDriver:
    """Makes adapters; close it when the last of them is closed.

    Args:
        namespace: stands before every key, for tests that share a server.
    """

    def __init__(self, namespace: str = "") -> None:
        self._namespace = namespace
        self._importing = ThreadPoolExecutor(1, thread_name_prefix="redis driver")

    async def connect(self, url: str) -> ServerCache:
        """The adapter of the server at an address where somebody listens.

        Raises:
            CacheUnavailable: nobody does.
            ValueError: the address makes no sense.
        """
        await _somebody_listens(url)
        # The driver takes a quarter of a second to import: not in the loop.
        module = await asyncio.get_running_loop().run_in_executor(
            self._importing, importlib.import_module, "backend_embedded.cache.redis"
        )
        server: ServerCache = module.RedisCache(url, self._namespace)
        return server

    async def tried(self, url: str) -> ServerFacts:
        """What the server at an address tells of itself, for who wants to know before it is set.

        Raises:
            CacheUnavailable: it is not there, does not let us in or takes no writes; the message says which.
            ValueError: the address makes no sense.
        """
        server = await self.connect(url)
        try:
            return await server.probe()
        finally:
            with contextlib.suppress(CacheUnavailable):
                await server.aclose()

    def close(self) -> None:
        """End its thread."""
        self._importing.shutdown()


async def _somebody_listens(url: str) -> None:
    place = host_and_port(url)
    if place is None:
        return
    host, port = place
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise _absent(host, port, f"no connection within {CONNECT_S:g} s") from None
    except ConnectionRefusedError:
        raise _absent(host, port, "nobody listens there") from None
    except OSError as error:
        raise _absent(host, port, error.strerror or str(error)) from error
    writer.close()


def _absent(host: str, port: int, why: str) -> CacheUnavailable:
    return CacheUnavailable(f"{PRODUCT} at {host}:{port} cannot be reached ({why}).")
