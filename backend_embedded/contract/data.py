"""What is done with the whole of the data: moving it to another database, backups, checks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from backend_embedded.contract.errors import ErrorBody
from backend_embedded.contract.wire import Wire


class DataWork(StrEnum):
    """What can be done."""

    MOVE = "move"
    """To PostgreSQL."""
    BACK = "back"
    """Into the file of the home again."""
    BACKUP = "backup"
    RESTORE = "restore"
    CHECK = "check"


class JobState(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TableCopy(Wire):
    """One table as it was copied and read again."""

    name: str
    rows: int
    checksum: str
    """Of all its rows, in hexadecimal; the same on both sides."""


class DataJob(Wire):
    """A job with the whole of the data; the last one is kept until the next."""

    work: DataWork
    state: JobState = JobState.RUNNING
    target: str = ""
    """Where to, or from: a file, or an address without its password."""
    step: str = ""
    """What is done now, for people."""
    done: int = 0
    """Rows so far."""
    total: int = 0
    tables: tuple[TableCopy, ...] = ()
    problems: tuple[str, ...] = ()
    """What a check found."""
    kept: str = ""
    """File of the data as it was before, when there is one."""
    error: ErrorBody | None = None
    began_at: datetime
    ended_at: datetime | None = None


class MoveRequest(Wire):
    """Body of `POST /api/v1/data/move`."""

    url: str = Field(min_length=1, max_length=2_000)
    """`postgresql://USER:PASSWORD@HOST:PORT/DATABASE`"""
    replace: bool = False
    """True: what the database holds of this program's data already is replaced."""


class FileRequest(Wire):
    """Body of `POST /api/v1/data/backup` and `…/restore`."""

    file: str = Field(min_length=1, max_length=4_000)
    """Absolute path on the machine of the backend."""
    replace: bool = False
    """For a backup: an existing file is replaced."""
