"""Keeps a message that comes twice at the same time from being worked at twice."""

from __future__ import annotations

import asyncio
from uuid import UUID

from backend_embedded.queue.port import Delivery, Handler, Outcome


class JoinedHandler:
    """A handler whose second call with the same message waits for the first one's outcome.

    A message comes twice at once when its broker was lost while it was handled, or when the confirmation of its
    publishing was, so that it was kept in two places. What comes later, the effect's own mark recognises.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._running: dict[UUID, asyncio.Future[Outcome]] = {}

    async def __call__(self, delivery: Delivery) -> Outcome:
        """Handle it, or wait for who handles it."""
        own = delivery.message_id
        running = self._running.get(own)
        if running is not None:
            return await asyncio.shield(running)
        ended = self._running[own] = asyncio.get_running_loop().create_future()
        outcome = Outcome.REQUEUE  # for who waits, unless it comes to another
        try:
            outcome = await self._handler(delivery)
            return outcome
        finally:
            del self._running[own]
            ended.set_result(outcome)
