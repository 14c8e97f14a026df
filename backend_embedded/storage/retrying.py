"""Which failures of a database pass by themselves: a transaction that met one is begun anew."""

from __future__ import annotations

from backend_embedded.errors import StorageError, StorageUnavailable


class ConnectionTimedOut(StorageUnavailable):
    """The server takes connections and does not answer."""


class ConnectionLost(StorageUnavailable):
    """The server cannot be reached, or the connection was cut."""


class DeadlockDetected(StorageError):
    """Two transactions waited for each other; the server ended this one, with nothing of it done."""


class OutcomeUnknown(StorageUnavailable):
    """The connection was cut while a transaction was being committed: it may have been, or not."""
