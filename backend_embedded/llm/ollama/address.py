"""Where a server may be, and whether anybody listens there."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

from backend_embedded.errors import InvalidInput
from backend_embedded.llm.ollama.failures import unreachable

USUAL_URLS = ("http://127.0.0.1:10104", "http://127.0.0.1:11434")
"""Where one is looked for when the settings name none: the specification's port, then Ollama's own."""
PROBE_S = 1.0
"""Longest wait for a server to say that it lives."""


def written_whole(url: str) -> str:
    """An address as it is used: the settings may leave out the scheme, or end with a slash."""
    url = url.strip().rstrip("/")
    return url if "://" in url or not url else f"http://{url}"


async def port_is_open(url: str) -> None:
    """Return when somebody listens there; a refused connection costs less than asking by HTTP.

    Raises:
        InvalidInput: it is no address.
        EngineError: nobody does.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"{url} is not the address of a server.", remedy="Write it as http://HOST:PORT.")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as error:
        raise unreachable(url) from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
