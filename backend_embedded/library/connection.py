"""One request for a file and its answer: bytes are read straight into the caller's buffer.

With an asynchronous client three times as much processor time went into handing them on as into fetching,
writing and hashing them. Every call blocks, so it is used from threads that somebody owns; `Connection.cut` ends
a call from another thread.
"""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from io import BufferedReader
from time import monotonic

from backend_embedded.errors import DownloadFailed

LONGEST_FILL_S = 0.2
"""A slow connection hands on what came after so long, however large the buffer is."""


class Transient(Exception):
    """A failure that another try may not meet.

    Attributes:
        message: what happened.
        retry_after_s: pause that the server asked for, or None.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(slots=True, eq=False)
class Connection:
    """One request and its answer.

    Attributes:
        url: address that answered, after redirects.
        length: bytes of the body; None when the server does not say.
    """

    url: str
    status: int
    headers: Message
    length: int | None
    _answer: http.client.HTTPResponse = field(repr=False)
    _socket: socket.socket | None = field(repr=False)
    _http: http.client.HTTPConnection = field(repr=False)
    _left: int | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._left = self.length

    @property
    def _body(self) -> BufferedReader:
        """The stream of an answer whose length is known: after the head come just those bytes."""
        stream: BufferedReader = self._answer.fp
        return stream

    def read_into(self, buffer: memoryview) -> int:
        """Fill a part of the buffer; 0 at the end of what came, be it whole or not.

        Raises:
            Transient: the connection broke, or nothing came for the stall time.
        """
        filled = 0
        try:
            if self._left is None:
                return self._answer.readinto(buffer)
            began_s = monotonic()
            buffer = buffer[: self._left]
            while filled < len(buffer) and monotonic() - began_s < LONGEST_FILL_S:
                count = self._body.readinto1(buffer[filled:])
                if not count:
                    break
                filled += count
            self._left -= filled
            return filled
        except TimeoutError:
            if filled and self._left is not None:
                self._left -= filled
                return filled  # if nothing more comes, the next call says so
            raise Transient("the server sent nothing any more") from None
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            raise Transient(f"the connection was cut ({in_words(error)})") from error

    def read(self, most_bytes: int) -> bytes:
        """The whole body of a small answer.

        Raises:
            DownloadFailed: it has more than `most_bytes`.
            Transient: as `read_into`.
        """
        body = bytearray()
        chunk = memoryview(bytearray(65536))
        while count := self.read_into(chunk):
            body += chunk[:count]
            if len(body) > most_bytes:
                raise DownloadFailed(f"{self.url} answers with far more than expected.", url=self.url)
        return bytes(body)

    def cut(self) -> None:
        """End it, also while another thread reads."""
        if self._socket is not None:
            with suppress(OSError):  # it is over already
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Free the connection; by the thread that reads."""
        self._answer.close()
        self._http.close()


def in_words(error: Exception) -> str:
    """What happened, in the system's words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
