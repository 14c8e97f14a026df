"""Server-sent events from bytes: the decoder of the WHATWG event stream format, without any input or output."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event.

    Attributes:
        kind: the `event:` field; `message` when there was none.
        data: the `data:` lines, joined by line feeds.
        id: the last `id:` seen so far; empty when there was none.
    """

    kind: str
    data: str
    id: str


class EventDecoder:
    """Takes the bytes of a stream as they come, in pieces of any size, and gives whole events.

    Comments, `retry:` and unknown fields are dropped; an event without data is none, as the standard says.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False
        self._after_cr = False
        self._kind = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take some bytes; the events that they complete."""
        buffer = self._without_mark(self._rest + self._without_split_line_end(chunk))
        if buffer is None:
            return []
        *lines, self._rest = _LINE_END.split(buffer)
        events = []
        for line in lines:
            if line:
                self._take_field(line)
            elif (event := self._complete()) is not None:
                events.append(event)
        return events

    def _without_split_line_end(self, chunk: bytes) -> bytes:
        """Drop a line feed whose carriage return ended the piece before."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            # of a piece that was the line feed alone nothing is left that could end in a carriage return
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk

    def _without_mark(self, buffer: bytes) -> bytes | None:
        """Drop the byte order mark at the very beginning; None while it could still be one."""
        if self._begun or not buffer:
            return buffer
        if len(buffer) < len(_BOM) and _BOM.startswith(buffer):
            self._rest = buffer
            return None
        self._begun = True
        return buffer.removeprefix(_BOM)

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._kind = value
            case "id" if "\0" not in value:
                self._id = value
            case _:
                pass

    def _complete(self) -> ServerSentEvent | None:
        kind, data = self._kind, self._data
        self._kind, self._data = "", []
        return ServerSentEvent(kind or "message", "\n".join(data), self._id) if data else None
