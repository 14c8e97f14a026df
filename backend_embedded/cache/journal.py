"""What was written while the server was away: it knows older values of these, and must forget them."""

from __future__ import annotations

from backend_embedded.cache.keys import VERSION, Kind, Prefix, ValueKey
from backend_embedded.cache.port import ServerCache

LONGEST = 10_000
BATCH = 500


class Journal:
    """The keys that a server does not know the newest of.

    Of what queries found only the versions matter: under one that is forgotten nothing is looked for any more.
    Answers of models never grow old. At first nothing is known of what the server holds from before this run:
    its versions are not trusted.

    Args:
        longest: with more keys of a kind than this the server forgets the whole kind.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._keys: dict[Kind, dict[ValueKey, None]] = {}
        self._whole = {Kind.ENTITY}

    @property
    def noted(self) -> bool:
        """Whether a server has anything to forget."""
        return bool(self._whole or any(self._keys.values()))

    def note(self, keys: tuple[ValueKey, ...]) -> None:
        """These were written, or deleted, elsewhere."""
        for key in keys:
            if key.kind in self._whole or not _grows_old(key):
                continue
            noted = self._keys.setdefault(key.kind, {})
            noted[key] = None
            if len(noted) > self._longest:
                noted.clear()
                self._whole.add(key.kind)

    async def replay(self, server: ServerCache) -> None:
        """Have the server forget what is noted now; what is noted meanwhile stays. Raises CacheUnavailable."""
        for kind in tuple(self._whole):
            await server.forget(Prefix(kind), f":{VERSION}" if kind is Kind.ENTITY else "")
            self._whole.discard(kind)
        noted = tuple(key for keys in self._keys.values() for key in keys)
        for first in range(0, len(noted), BATCH):
            batch = noted[first : first + BATCH]
            for key in batch:
                self._keys[key.kind].pop(key, None)
            try:
                await server.delete(*batch)
            except BaseException:
                self.note(batch)
                raise


def _grows_old(key: ValueKey) -> bool:
    match key.kind:
        case Kind.ENTITY:
            return key.parts[-1] == VERSION
        case Kind.ANSWER:
            return False
        case Kind.SESSION | Kind.AGENT_STATUS | Kind.TASK_RESULT:
            return True
