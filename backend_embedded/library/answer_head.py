"""What the head of a server's answer must say before its body is taken for a part of a file."""

from __future__ import annotations

import re

from backend_embedded.errors import DownloadFailed
from backend_embedded.library.connection import Connection
from backend_embedded.library.record import Record, Segment

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class StartOver(Exception):
    """The server does not go on with what is there."""


def check_part(record: Record, segment: Segment, connection: Connection, etag: str) -> None:
    """Whether the answer is the part that was asked for; the record takes what it tells.

    Raises:
        StartOver: it is another part, or of another file.
        DownloadFailed: the sizes do not agree.
    """
    told = _CONTENT_RANGE.fullmatch((connection.headers.get("Content-Range") or "").strip())
    if told is None or int(told[1]) != segment.at:
        record.ranges = False
        raise StartOver("the server sent another part than was asked for")
    if told[3] != "*":
        _check_size(record, int(told[3]))
        if not segment.end:
            segment.end = record.size_bytes = int(told[3])
    if record.etag and etag and etag != record.etag and not record.sha256:
        raise StartOver("the file has changed on the server")
    if connection.length is not None and connection.length > (segment.end or 2**63) - segment.at:
        raise not_as_told(record, f"it sends {connection.length} bytes of a smaller part")
    record.ranges = True


def check_whole(record: Record, segment: Segment, connection: Connection) -> None:
    """The server does not send parts: all of it comes over one connection, from the start.

    Raises:
        StartOver: something of it is there already.
        DownloadFailed: the sizes do not agree.
    """
    if connection.length is not None:
        _check_size(record, connection.length)
        record.size_bytes = connection.length
    started = record.ranges or record.done_bytes or segment.start
    record.ranges = False
    if started:
        raise StartOver("the server cannot go on in the middle")
    segment.end = record.size_bytes
    record.segments = [segment]


def not_as_told(record: Record, what: str) -> DownloadFailed:
    """The server sends something else than the registry told."""
    return DownloadFailed(
        f"{record.name} is not what it should be: {what}.",
        remedy="Cancel the download and try again later, or take another source.",
        url=record.url,
    )


def _check_size(record: Record, told: int) -> None:
    if record.size_bytes and told != record.size_bytes:
        raise not_as_told(record, f"it should have {record.size_bytes} bytes, the server says {told}")
