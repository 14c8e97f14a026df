"""Turns what PostgreSQL and its driver raise into the errors of this program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend_embedded.errors import InvalidInput, StorageError, StorageUnavailable
from backend_embedded.storage.failures import unstorable
from backend_embedded.storage.retrying import (
    ConnectionLost,
    ConnectionTimedOut,
    DeadlockDetected,
    PoolExhausted,
    PreparedLost,
)

REASONS = {
    "28": ("PostgreSQL at {where} does not let this user in.", "Check the name and the password."),
    "3D": ("PostgreSQL at {where} has no such database.", "Create it, or correct its name."),
    "53100": ("The disk of PostgreSQL at {where} is full.", "Free some space there."),
    "53200": ("PostgreSQL at {where} is out of memory.", "Give it more, or end what else uses it."),
    "53300": ("PostgreSQL at {where} takes no more connections.", "Raise its max_connections."),
    "25006": ("PostgreSQL at {where} takes no writes: it is a standby.", "Use the address of the primary."),
    "42501": ("The user of PostgreSQL at {where} may not do this.", "Give the user the right to."),
    "57P03": ("PostgreSQL at {where} is starting or stopping.", "Nothing: it is tried again by itself."),
}
REFUSED = (
    # What refuses a connection comes without a code.
    (re.compile(r"authentication failed|no password supplied|no pg_hba.conf entry"), "28"),
    (re.compile(r'database ".*" does not exist'), "3D"),
    (re.compile(r"too many clients|remaining connection slots"), "53300"),
    (re.compile(r"the database system is (starting up|shutting down|in recovery|not yet)"), "57P03"),
)
DEADLOCKS = ("40P01", "40001")
PREPARED = ("26000", "42P05")
SERVER_ENDED = ("57P01", "57P02")
NOT_STORABLE = "22"
AGAIN = "Start PostgreSQL again; the program goes on by itself."


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise errors of this program in place of the driver's; `where` is the host and port that is named."""
    try:
        yield
    except PoolTimeout as error:
        raise PoolExhausted(
            f"All connections to PostgreSQL at {where} are in use.",
            remedy="Try again; if it stays so, something holds them.",
        ) from error
    except (SQLAlchemyError, psycopg.Error, OSError, OverflowError, UnicodeError) as error:
        raise unstorable(error) or _ours(error, where) from error


def _ours(error: Exception, where: str) -> StorageError | InvalidInput:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlstate", None) or ""
    facts: dict[str, Any] = {"server": where, "driver": code or type(cause).__name__}
    told = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if not code and isinstance(cause, psycopg.OperationalError):
        code = next((known for pattern, known in REFUSED if pattern.search(str(cause))), "")
    if code in DEADLOCKS:
        return DeadlockDetected("Two changes waited for each other; neither was made.", **facts)
    if code in PREPARED:
        return PreparedLost(f"PostgreSQL at {where} lost a prepared statement.", **facts)
    for beginning, (what, remedy) in REASONS.items():
        if code.startswith(beginning):
            kind = ConnectionLost if code == "57P03" else StorageUnavailable
            return kind(what.format(where=where), remedy=remedy, **facts)
    if isinstance(cause, psycopg.errors.ConnectionTimeout):
        return ConnectionTimedOut(f"PostgreSQL at {where} does not answer.", remedy=AGAIN, **facts)
    if code.startswith("08") or code in SERVER_ENDED or _is_lost(error, cause):
        return ConnectionLost(f"PostgreSQL at {where} is gone: {told}.", remedy=AGAIN, **facts)
    if code.startswith(NOT_STORABLE):
        return InvalidInput(f"The database cannot store this: {told}.", **facts)
    return StorageError(f"The store failed: {told}", **facts)


def _is_lost(error: Exception, cause: BaseException | None) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # The driver has no code for a connection that was refused or cut.
    return isinstance(cause, OSError) or (
        isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError) and cause.sqlstate is None
    )
