"""How PostgreSQL is spoken to: addresses, the engine with its pool, and what of texts and JSON it can store."""

from __future__ import annotations

import re
from typing import Any, Protocol

import orjson
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from backend_embedded.errors import InvalidInput

FEWEST, MOST = 5, 20
"""Connections that are kept, and that there can be (specification 11.2)."""
POOL_WAIT_S = 5.0
CONNECT_S = 3
PREPARED_AFTER = 2
"""A statement that a connection carries out more often than this is prepared on the server."""
NUL_IN_JSON = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class PoolGauge(Protocol):
    """Where the pool's figures go."""

    def waited(self, seconds: float) -> None:
        """A connection was handed out after so long."""
        ...

    def exhausted(self) -> None:
        """A connection was wanted while all were in use."""
        ...

    def in_use(self, count: int) -> None:
        """So many connections are in use."""
        ...


class Unmeasured:
    """A gauge that nobody reads."""

    def waited(self, seconds: float) -> None:
        """Forget it."""

    def exhausted(self) -> None:
        """Forget it."""

    def in_use(self, count: int) -> None:
        """Forget it."""


def address(url: str) -> URL:
    """The address of a database in the driver's words. Raises InvalidInput for what is none."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _no_address() from error
    if parsed.get_backend_name() not in ("postgresql", "postgres") or not parsed.database:
        raise _no_address()
    return parsed.set(drivername="postgresql+psycopg")


def _no_address() -> InvalidInput:
    return InvalidInput(
        "This is no address of a PostgreSQL database.",
        remedy="Write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        fields=[{"field": "database_url", "problem": "no address of a PostgreSQL database"}],
    )


def open_engine(url: URL) -> AsyncEngine:
    """Connections to a database; none is made before it is needed."""
    engine = create_async_engine(
        url,
        pool_size=FEWEST,
        max_overflow=MOST - FEWEST,
        pool_timeout=POOL_WAIT_S,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": CONNECT_S,
            "prepare_threshold": PREPARED_AFTER,
            # Nothing else is asked for at the start of a connection: a pooler refuses what it does not know.
            "application_name": "sutazai",
        },
    )

    def without_nul(
        _connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        return statement, _storable(given)

    event.listen(engine.sync_engine, "before_cursor_execute", without_nul, retval=True)
    return engine


def _storable(given: Any) -> Any:
    """The values of a statement with U+FFFD for each NUL, which PostgreSQL stores in no text."""
    match given:
        case str():
            return given.replace("\0", "\ufffd") if "\0" in given else given
        case dict():
            return {name: _storable(value) for name, value in given.items()}
        case list() | tuple():
            return type(given)(_storable(value) for value in given)
        case _:
            return given


def _json(value: Any) -> str:
    plain = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    return NUL_IN_JSON.sub(r"\1\\ufffd", plain) if "\\u0000" in plain else plain
