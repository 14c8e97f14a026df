"""Bytes on the disk, and what is said when they cannot be written."""

from __future__ import annotations

import errno
import os

from backend_embedded.errors import ControlCenterError, DownloadFailed


def write_at(descriptor: int, data: memoryview, at: int) -> None:
    """Write all of it from a place on. Raises OSError."""
    while data:
        count = os.pwrite(descriptor, data, at)
        data, at = data[count:], at + count


def disk_error(error: OSError, name: str) -> ControlCenterError:
    """The error for a file that could not be written."""
    if error.errno == errno.ENOSPC:
        return DownloadFailed(
            f"The disk is full: {name} does not fit.",
            remedy="Free some space, then resume the download: it goes on where it was.",
        )
    return DownloadFailed(
        f"{name} cannot be written: {error.strerror or error}.", remedy="Check the models folder's rights."
    )
