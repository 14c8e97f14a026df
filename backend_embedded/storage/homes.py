"""The id of a home, by which several that share one PostgreSQL database know their own answers."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from uuid import UUID, uuid4

from backend_embedded.errors import StorageUnavailable

NAME = "home-id"


def home_id(folder: Path) -> UUID:
    """The id that is kept in the data folder of a home, made the first time.

    Raises:
        StorageUnavailable: the folder cannot be written.
    """
    file = folder / NAME
    try:
        return UUID(file.read_text().strip())
    except (OSError, ValueError):
        pass  # the first time, or a file that says nothing; what else is wrong the writing tells
    made = uuid4()
    part = folder / f".{NAME}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_text(f"{made}\n")
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise StorageUnavailable(
            f"{file} cannot be written: {error.strerror}.", remedy="Check its folder.", file=str(file)
        ) from error
    return made
