"""Turns what the SQLite driver raises into the errors of this program."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from backend_embedded.errors import InvalidInput, StorageError, StorageUnavailable

REASONS = {
    "SQLITE_FULL": ("The disk is full.", "Free some space on the disk that holds {file}."),
    "SQLITE_BUSY": ("Another program holds {file}.", "End the program that has the file open."),
    "SQLITE_LOCKED": ("Another program holds {file}.", "End the program that has the file open."),
    "SQLITE_CORRUPT": ("{file} is damaged.", "Move the file away to begin anew, or put back a copy of it."),
    "SQLITE_NOTADB": ("{file} is not a database.", "Move the file away; a new one is made."),
    "SQLITE_READONLY": ("{file} cannot be written.", "Allow writing to the file and its folder."),
    "SQLITE_CANTOPEN": ("{file} cannot be opened.", "Check that its folder exists and can be written."),
    "SQLITE_IOERR": ("Reading or writing {file} failed.", "Check the disk that holds it."),
    "SQLITE_PERM": ("{file} may not be opened.", "Allow reading and writing of the file."),
}


@contextmanager
def translated(file: str) -> Iterator[None]:
    """Raise `StorageUnavailable`, `StorageError` or `InvalidInput` in place of a driver's error.

    Args:
        file: is named in it.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, OverflowError, UnicodeError) as error:
        raise unstorable(error) or _ours(error, file) from error


def unstorable(error: Exception) -> InvalidInput | None:
    """What is told of a value that the driver cannot hand to the database; None for another failure."""
    cause = error
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig if isinstance(error.orig, Exception) else error
    if not isinstance(cause, OverflowError | ValueError | TypeError):
        return None
    return InvalidInput(f"The database cannot store this: {cause}.", remedy="Correct the value.")


def _ours(error: Exception, file: str) -> StorageError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", "") or ""
    for code, (what, remedy) in REASONS.items():
        if name.startswith(code):
            return StorageUnavailable(
                what.format(file=file), remedy=remedy.format(file=file), file=file, driver=name
            )
    if isinstance(error, OSError):
        return StorageUnavailable(
            f"{file} cannot be opened: {error.strerror}.", remedy="Check its folder.", file=file
        )
    return StorageError(f"The store failed: {cause}", file=file, driver=name)
