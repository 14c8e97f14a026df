"""One window for one home: the first start holds a lock, each later one asks it to raise its window."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

REQUEST = b"raise\n"
REPLY = b"raised\n"
ASK_S = 5.0
_LONGEST_ADDRESS_BYTES = 100
"""`sun_path` of a Unix socket holds 108 bytes at most."""


class FirstInstance:
    """The lock and the door of the window of a home. Made by `claim`."""

    def __init__(self, lock: int, door: socket.socket) -> None:
        self._lock = lock
        self._door = door
        self._server: asyncio.Server | None = None

    async def answer(self, on_raise: Callable[[], None]) -> None:
        """From now on call `on_raise` when the program is started again."""

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                if await reader.readline() == REQUEST:
                    on_raise()
                    writer.write(REPLY)
                    await writer.drain()
            writer.close()

        self._server = await asyncio.start_unix_server(greet, sock=self._door)

    def close(self) -> None:
        """Let another start be the first; may be called twice."""
        if self._server is not None:
            self._server.close()
        self._door.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def claim(run: Path) -> FirstInstance | None:
    """Become the window of the home with this run folder; None if another process is it. Raises OSError."""
    lock = os.open(run / "desktop.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return FirstInstance(lock, _open_door(run / "desktop.sock"))


def _open_door(path: Path) -> socket.socket:
    # listens before the window is there: an early second start waits in the queue
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    with _short(path) as address:
        door.bind(address)
    door.listen(8)
    door.setblocking(False)
    return door


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address of the path that fits in a socket's, however deep the folder lies."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask_to_raise(run: Path, patience_s: float = ASK_S) -> bool:
    """Ask the window of the home to come to the front; whether it answered."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(max(0.1, deadline_s - time.monotonic()))
            with _short(run / "desktop.sock") as address:
                door.connect(address)
            door.sendall(REQUEST)
            return door.recv(len(REPLY)) == REPLY
        # the first start holds the lock and has not opened its door yet
        time.sleep(0.05)
    return False
