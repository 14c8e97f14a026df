"""The keys of the cache: only the patterns of the specification (6.1, appendix B) can be written.

A part of a key is quoted, so that no part can hold the `:` between parts or a pattern's `*`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

Part = str | UUID
"""What a part of a key is made of."""

SAFE = "/@._-~"
HASH_CHARACTERS = 16
"""Length of `prompt_hash` (specification 8.3) and of what stands for a secret."""


class Kind(StrEnum):
    """The kinds of values; each is the fixed beginning of its keys."""

    SESSION = "session"
    """`session:{user_id}:{session_id}`"""
    AGENT_STATUS = "agent:status"
    """`agent:status:{agent_name}`"""
    TASK_RESULT = "task:result"
    """`task:result:{task_id}`"""
    ANSWER = "llm:cache"
    """`llm:cache:{prompt_hash}`"""
    ENTITY = "cache"
    """`cache:{entity}:{id}:{version}`"""


TTLS_S = {
    Kind.SESSION: 3600.0,
    Kind.AGENT_STATUS: 10.0,
    Kind.TASK_RESULT: 300.0,
    Kind.ANSWER: 1800.0,
    Kind.ENTITY: 300.0,
}
"""Seconds that a value lives, by its kind."""
PARTS = {Kind.SESSION: 2, Kind.AGENT_STATUS: 1, Kind.TASK_RESULT: 1, Kind.ANSWER: 1, Kind.ENTITY: 3}
VERSION = "version"
"""Stands in the place of the version where the version itself is kept."""
VERSION_TTL_S = 3600.0
"""Longer than any value lives that was kept under it."""


def quoted(part: Part) -> str:
    """A part as it stands in a key.

    Raises:
        ValueError: it is empty.
    """
    text = quote(str(part), safe=SAFE, errors="surrogatepass")
    if not text:
        raise ValueError("a part of a cache key is empty")
    return text


def hashed(text: str) -> str:
    """The first 16 hexadecimal digits of a text's SHA-256, as the specification cuts them (8.3)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_CHARACTERS]


def query_id(**parameters: Any) -> str:
    """The id of a list: the hash of what was asked for; the order of the parameters does not matter."""
    return hashed(json.dumps(parameters, sort_keys=True, default=str))


@dataclass(frozen=True, slots=True)
class ValueKey:
    """The key of a value.

    Attributes:
        kind: which pattern it follows.
        parts: what is filled in, unquoted.
        ttl_s: seconds that the value lives when nothing else is said.
        text: as the store knows it.
    """

    kind: Kind
    parts: tuple[str, ...]
    ttl_s: float = 0.0
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.parts) != PARTS[self.kind]:
            raise ValueError(f"a key {self.kind} has {PARTS[self.kind]} parts, not {len(self.parts)}")
        object.__setattr__(self, "text", ":".join((self.kind, *map(quoted, self.parts))))
        if not self.ttl_s:
            object.__setattr__(self, "ttl_s", TTLS_S[self.kind])


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of the keys of a kind, up to a whole part: `cache:task:`."""

    kind: Kind
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.parts) >= PARTS[self.kind]:
            raise ValueError(f"a prefix of {self.kind} has fewer than {PARTS[self.kind]} parts")

    @property
    def text(self) -> str:
        """As the store knows it; ends with `:`."""
        return ":".join((self.kind, *map(quoted, self.parts), ""))


@dataclass(frozen=True, slots=True)
class LockKey:
    """`lock:{resource}:{id}`: the value is the token of who holds it."""

    resource: str
    id: str

    @property
    def text(self) -> str:
        """As the store knows it."""
        return f"lock:{quoted(self.resource)}:{quoted(self.id)}"


FENCING_KEY = LockKey("fencing", "last")
"""Where the last fencing number is kept; no lock of a thing."""


@dataclass(frozen=True, slots=True)
class RateKey:
    """`rate:{api_key}:{endpoint}:{window}` for all windows of one caller and endpoint.

    Attributes:
        caller: what stands for the API key; the key itself is a secret and never stands in a store.
        endpoint: the route.
    """

    caller: str
    endpoint: str

    def fixed(self, window: int) -> str:
        """As the store knows it, for the window of that number."""
        return f"{self._text}:{window}"

    def sliding(self) -> str:
        """As the store knows it, for the window that ends now."""
        return f"{self._text}:sliding"

    @property
    def _text(self) -> str:
        return f"rate:{quoted(self.caller)}:{quoted(self.endpoint)}"


def session_key(user_id: Part, session_id: Part) -> ValueKey:
    """A session's data; 3600 s."""
    return ValueKey(Kind.SESSION, _texts(user_id, session_id))


def agent_status_key(agent_name: str) -> ValueKey:
    """An agent's state; 10 s."""
    return ValueKey(Kind.AGENT_STATUS, (agent_name,))


def task_result_key(task_id: Part) -> ValueKey:
    """A task's result; 300 s."""
    return ValueKey(Kind.TASK_RESULT, _texts(task_id))


def answer_key(prompt: str) -> ValueKey:
    """A model's answer to a prompt with all that decides it, given as one text; 1800 s."""
    return ValueKey(Kind.ANSWER, (hashed(prompt),))


def entity_key(entity: str, id: Part, version: str) -> ValueKey:
    """What a query found, in a version; 300 s."""
    if version == VERSION:
        raise ValueError(f"{VERSION!r} is no version")
    return ValueKey(Kind.ENTITY, (*_texts(entity, id), version))


def version_key(entity: str, id: Part) -> ValueKey:
    """The version that counts now."""
    return ValueKey(Kind.ENTITY, (*_texts(entity, id), VERSION), VERSION_TTL_S)


def entity_key_of(text: str) -> ValueKey:
    """The key of an entity that a scan found. Raises ValueError when it is none."""
    *kind, entity, id, version = text.split(":")
    if ":".join(kind) != Kind.ENTITY:
        raise ValueError(f"{text} is no key of an entity")
    return ValueKey(Kind.ENTITY, tuple(map(unquote, (entity, id, version))))


def rate_key(api_key: str, endpoint: str) -> RateKey:
    """The rate of an API key at an endpoint; the key stands there as its hash."""
    return RateKey(hashed(api_key), endpoint)


def _texts(*parts: Part) -> tuple[str, ...]:
    return tuple(str(part) for part in parts)
