"""Which failures of a database pass by themselves, and which that look like them do not."""

from __future__ import annotations

from backend_embedded.errors import StorageError, StorageUnavailable


class ConnectionTimedOut(StorageUnavailable):
    """The server takes connections and does not answer."""


class ServerSilent(ConnectionTimedOut):
    """A transaction had no answer within its limit and was cut: trying again would wait as long again."""


class PoolExhausted(StorageUnavailable):
    """All connections are in use, which says nothing of the server."""


class PreparedLost(StorageError):
    """The server does not know what was prepared there: a pooler gave the connection to another of its own.

    Nothing of the transaction is done.
    """


class ConnectionLost(StorageUnavailable):
    """The server cannot be reached, or the connection was cut."""


class DeadlockDetected(StorageError):
    """Two transactions waited for each other; the server ended this one, with nothing of it done."""


class OutcomeUnknown(StorageUnavailable):
    """The connection was cut while a transaction was being committed: it may have been, or not."""
