"""What a backend process does before it serves: its configuration, its lock, its port, its line."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend_embedded.contract.launch import HomePaths, Launch, Ready, Refused
from backend_embedded.contract.product import VERSION
from backend_embedded.settings import write_whole

USUAL_PORT = 10010
LOOPBACK = "127.0.0.1"
LONGEST_LAUNCH_BYTES = 1 << 20
PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """This backend may not or cannot serve; `refused` is its line on stdout."""

    def __init__(self, reason: str, url: str = "") -> None:
        super().__init__(reason)
        self.refused = Refused(reason=reason, url=url)


def die_with_parent(wanted: bool = True) -> None:
    """Have the kernel kill this process when its parent ends, or no longer (Linux)."""
    if sys.platform.startswith("linux"):
        number = int(signal.SIGKILL) if wanted else 0
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def read_launch(descriptor: int = 0) -> Launch:
    """The first line of stdin; what follows it is left there. Raises CannotStart."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < LONGEST_LAUNCH_BYTES:
        # Byte by byte: a buffer would swallow what the loop later watches for the end of.
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    try:
        return Launch.model_validate_json(bytes(line))
    except ValueError as error:
        raise CannotStart(f"The first line of stdin is no launch configuration: {error}") from error


@contextmanager
def only_one(paths: HomePaths) -> Iterator[None]:
    """Hold the lock of a home. Raises CannotStart, with the address of the backend that holds it."""
    folder = Path(paths.run)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "backend.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            url = _address_of_other(folder)
            where = f" at {url}" if url else ""
            raise CannotStart(f"A backend serves this home already{where}.", url) from error
        yield
    finally:
        os.close(descriptor)


def listen(port: int | None) -> socket.socket:
    """A socket on loopback: `port`, or the usual one, or one that the system gives. Raises CannotStart."""
    try:
        return _bound(USUAL_PORT if port is None else port)
    except OSError as error:
        if port is not None:
            raise CannotStart(f"Port {port} cannot be used: {error.strerror}.") from error
        return _bound(0)


@contextmanager
def announced(paths: HomePaths, token: str, ready: Ready) -> Iterator[None]:
    """Keep token and address in the run folder while serving, and print the READY line."""
    folder = Path(paths.run)
    token_file, address_file = folder / "token", folder / "backend.json"
    write_whole(token_file, token, mode=0o600)
    write_whole(address_file, ready.model_dump_json() + "\n", mode=0o600)
    say(ready)
    try:
        yield
    finally:
        for file in (address_file, token_file):
            with contextlib.suppress(OSError):
                file.unlink()


def ready_line(listening: socket.socket) -> Ready:
    """What this process says when it serves."""
    port = listening.getsockname()[1]
    return Ready(url=f"http://{LOOPBACK}:{port}", version=VERSION, pid=os.getpid())


def say(line: Ready | Refused) -> None:
    """The one line on stdout; a parent that is gone does not matter here."""
    with contextlib.suppress(OSError):
        os.write(1, line.model_dump_json().encode() + b"\n")


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _address_of_other(folder: Path) -> str:
    try:
        return str(json.loads((folder / "backend.json").read_bytes())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
