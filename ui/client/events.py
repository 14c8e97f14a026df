"""The backend's event stream, kept up for as long as the window lives."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from pydantic import ValidationError

from backend_embedded.contract.events import Event, event
from ui.client.port import ClientError
from ui.client.sse import EventDecoder

SILENCE_S = 35.0
"""The backend sends a comment every 10 s; after three that did not come it is taken for dead."""
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0


class EventSource(Protocol):
    """What opens the stream; raises `ClientError`."""

    def raw_events(self, last_event_id: str) -> AsyncGenerator[bytes, None]:
        """The bytes of the stream, from after an event id on; empty bytes at once when it is open."""
        ...


class EventStream:
    """Follows the stream, connects again after a cut and goes on where it was.

    A new backend does not know the old one's numbers and answers with a snapshot, so nothing is missed.

    Args:
        source: opens the stream.
        silence_s: seconds without a byte after which the connection is given up.
    """

    def __init__(self, source: EventSource, silence_s: float = SILENCE_S) -> None:
        self._source = source
        self._silence_s = silence_s
        self._last_id = ""
        self._failures = 0
        self._wake = asyncio.Event()

    def reconnect(self) -> None:
        """Try at once: the backend is known to be back, perhaps at another address."""
        self._wake.set()

    async def run(self, on_event: Callable[[Event], None], on_connection: Callable[[bool], None]) -> None:
        """Follow for ever; `on_connection` is told each change (True: open). Ends by cancellation."""
        while True:
            self._wake.clear()
            opened = False
            chunks = self._source.raw_events(self._last_id)
            try:
                opened = await self._open(chunks)
                on_connection(True)
                await self._follow(chunks, on_event)
            except (ClientError, TimeoutError):
                pass  # told by on_connection; what to do is the same for every reason
            finally:
                await chunks.aclose()
                if opened:
                    on_connection(False)
            await self._pause()

    async def _open(self, chunks: AsyncGenerator[bytes, None]) -> bool:
        async with asyncio.timeout(self._silence_s):
            await anext(chunks)
        self._failures = 0
        return True

    async def _follow(self, chunks: AsyncGenerator[bytes, None], on_event: Callable[[Event], None]) -> None:
        decoder = EventDecoder()
        while True:
            async with asyncio.timeout(self._silence_s):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            for received in decoder.feed(chunk):
                # an event of a kind that only a newer backend knows is passed over
                with contextlib.suppress(ValidationError):
                    on_event(event.validate_json(received.data))
                self._last_id = received.id

    async def _pause(self) -> None:
        """Wait before the next try: longer each time, and not all windows at the same moment."""
        delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(self._failures, 10))
        self._failures += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s * random.uniform(0.8, 1.2)):
                await self._wake.wait()
