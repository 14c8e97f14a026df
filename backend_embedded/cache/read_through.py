"""Queries answered from the cache: what was found is kept until something was written, at most 300 s.

Everything stands under a version, which no write ever brings back: a change puts a new one in its place, and
what a slow reader still keeps under the old one is never looked at.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from backend_embedded.cache.keys import (
    VERSION,
    Kind,
    Part,
    Prefix,
    ValueKey,
    entity_key,
    entity_key_of,
    query_id,
    version_key,
)
from backend_embedded.cache.port import Values

LISTS = "~lists"
"""Stands in the place of the id where the version of an entity's lists is kept."""


@dataclass(slots=True)
class _Loading:
    """Those who wait for one thing to be loaded, and the one who loads it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class ReadThrough:
    """Reads what is kept, or has it loaded and keeps it; of several who miss at once one loads.

    Args:
        cache: where it is kept.
    """

    def __init__(self, cache: Values) -> None:
        self._cache = cache
        self._loading: dict[str, _Loading] = {}
        self._telling: set[asyncio.Future[None]] = set()

    async def fetch(self, entity: str, id: Part, load: Callable[[], Awaitable[Any]]) -> Any:
        """One thing of an entity: `fetch("task", task.id, load)`.

        Args:
            load: reads it from the store, as JSON's types (tuples come back as lists) or bytes; None (there is
                none) is handed on and not kept.
        """
        version = await self._version(version_key(entity, id))
        return await self._found(entity_key(entity, id, version), load)

    async def fetch_list(
        self, entity: str, query: Mapping[str, Any], load: Callable[[], Awaitable[Any]]
    ) -> Any:
        """What a query over an entity finds; any change of one of its things makes it old.

        Args:
            query: all that decides what is found: filters, order, place, fields.
            load: as in `fetch`.
        """
        version = await self._version(version_key(entity, LISTS))
        return await self._found(entity_key(entity, query_id(**query), version), load)

    async def changed(self, entity: str, *ids: Part) -> None:
        """These things were written (after the commit, before the answer): they and all lists are old."""
        # Who asked may be gone by now: what was written is told all the same.
        telling = asyncio.ensure_future(self._raise_versions(entity, (*ids, LISTS)))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        await asyncio.shield(telling)

    async def _raise_versions(self, entity: str, ids: tuple[Part, ...]) -> None:
        for id in ids:
            await self._cache.set(version_key(entity, id), _new_version())

    async def forget(self, entity: str) -> None:
        """All things of an entity may have changed, as after a backup was put back."""
        keys = [entity_key_of(text) for text in await self._cache.scan(Prefix(Kind.ENTITY, (entity,)))]
        await self._cache.delete(*(key for key in keys if key.parts[-1] == VERSION))

    async def _version(self, key: ValueKey) -> str:
        """The version that counts; the first one when there is none, whoever else makes one at once."""
        version = await self._cache.get(key)
        if isinstance(version, str):
            return version
        made = _new_version()
        if await self._cache.setnx(key, made):
            return made
        version = await self._cache.get(key)
        return version if isinstance(version, str) else made

    async def _found(self, key: ValueKey, load: Callable[[], Awaitable[Any]]) -> Any:
        value = await self._cache.get(key)
        if value is not None:
            return value
        async with self._one_at_a_time(key.text) as waited:
            value = await self._cache.get(key) if waited else None
            if value is None:
                value = await load()
                if value is not None:
                    await self._cache.set(key, value)
            return value

    @asynccontextmanager
    async def _one_at_a_time(self, text: str) -> AsyncGenerator[bool, None]:
        """Whether somebody else was in here before."""
        loading = self._loading.setdefault(text, _Loading())
        waited = loading.users > 0
        loading.users += 1
        try:
            async with loading.lock:
                yield waited
        finally:
            loading.users -= 1
            if not loading.users:
                del self._loading[text]


def _new_version() -> str:
    """Never one that was: the time in ns, and chance for two at once."""
    return f"{time.time_ns():x}-{uuid4().hex[:8]}"
