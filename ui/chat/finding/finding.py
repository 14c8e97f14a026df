"""Looks for words in the shown conversation or in all of them, and goes to what was found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from ui.chat.finding.finding_state import Found

if TYPE_CHECKING:
    from uuid import UUID

    from backend_embedded.contract.conversations import SearchHit
    from ui.chat.owner import ChatOwner
    from ui.client.port import Backend

MOST_HITS = 50


class Finding:
    """Keeps `state.found` (all conversations) and `state.found_here` (the shown one)."""

    def __init__(self, backend: Backend, owner: ChatOwner, delay_s: float) -> None:
        self._backend = backend
        self._owner = owner
        self._delay_s = delay_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def look_everywhere(self, query: str) -> None:
        """Look for this in all conversations, when typing pauses."""
        self._look("found", query, None)

    def look_here(self, query: str) -> None:
        """Look for this in the shown conversation, on all its branches, when typing pauses."""
        self._look("found_here", query, self._owner.state.selected)

    def step(self, by: int) -> None:
        """Go to the next or the previous hit of the shown conversation."""
        found = self._owner.state.found_here
        if found.hits:
            place = (found.place + by) % len(found.hits)
            self._owner.change(found_here=replace(found, place=place), sought=None)
            self._owner.spawn(self.show(found.hits[place]))

    def close_here(self) -> None:
        """Look for nothing in the shown conversation any more."""
        self._owner.change(found_here=Found(), sought=None)

    async def show(self, hit: SearchHit) -> None:
        """Show the message of a hit, also one on another branch or far above."""
        await self._owner.select(hit.conversation_id)
        await self._owner.bring(hit.message_id)
        self._owner.change(sought=hit.message_id)

    def _look(self, field: str, query: str, within: UUID | None) -> None:
        waiting = self._tasks.pop(field, None)
        if waiting is not None:
            waiting.cancel()
        if not query.strip():
            self._owner.change(**{field: Found(query)})
            return
        before: Found = getattr(self._owner.state, field)
        self._owner.change(**{field: replace(before, query=query, busy=True)})
        self._tasks[field] = self._owner.spawn(self._search(field, query, within))

    async def _search(self, field: str, query: str, within: UUID | None) -> None:
        await asyncio.sleep(self._delay_s)
        hits: tuple[SearchHit, ...] = ()
        try:
            hits = tuple(await self._backend.search(query.strip(), within, MOST_HITS))
        finally:
            now: Found = getattr(self._owner.state, field)
            if now.query == query:
                place = 0 if within is not None and hits else -1
                self._owner.change(**{field: Found(query, hits, place)})
        if within is not None and hits:
            await self.show(hits[0])
