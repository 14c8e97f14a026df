"""One backend as a child process: started with one line, ready with one line, ended by closing its stdin."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from app.living_backend import Address
from app.paths import HomePaths
from app.stderr_log import StderrLog

READY_S = 60.0
"""A first start on a slow disk reads a few hundred files."""
LEAVE_S = 3.0
LONGEST_LINE_BYTES = 1 << 20


def backend_command() -> list[str]:
    """The command of the backend, with the Python that runs this."""
    return [sys.executable, "-m", "backend_embedded"]


def launch_line(
    paths: HomePaths,
    token: str,
    *,
    port: int | None = None,
    leave_at_eof: bool = True,
    local_api: str | None = None,
) -> bytes:
    """The first line on the backend's stdin (`contract.launch.Launch`)."""
    launch = {"paths": paths.as_wire(), "token": token, "port": port, "leave_at_eof": leave_at_eof}
    launch |= {"local_api": local_api} if local_api else {}
    return json.dumps(launch).encode() + b"\n"


def fresh_token() -> str:
    """A token for one run of the backend: 256 random bits."""
    return secrets.token_urlsafe(32)


class StartFailure(Exception):
    """The backend did not come up.

    Attributes:
        reason: a sentence.
        url: address of the backend that serves this home already, if that is the reason.
        lines: the last lines of its stderr.
    """

    def __init__(self, reason: str, url: str = "", lines: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.url = url
        self.lines = lines


class BackendChild:
    """A backend that has said it is ready. Made by `start_backend`."""

    def __init__(self, process: asyncio.subprocess.Process, address: Address, log: StderrLog) -> None:
        self.address = address
        self._process = process
        self._log = log

    async def ended(self) -> str:
        """Wait until it ends; how it ended, in words."""
        return how_it_ended(await self._process.wait())

    async def last_lines(self) -> tuple[str, ...]:
        """The last lines of its stderr, after it has ended."""
        return await self._log.whole_lines()

    async def stop(self) -> None:
        """Close its stdin, wait, and kill it when it stays."""
        await _end(self._process)


async def start_backend(
    paths: HomePaths, command: Sequence[str], *, ready_s: float = READY_S
) -> BackendChild:
    """Start a backend and wait until it serves.

    Raises:
        StartFailure: it ended, refused, or said nothing for `ready_s` seconds.
    """
    token = fresh_token()
    log = StderrLog(paths.state / "backend-stderr.log")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log.descriptor,
            limit=LONGEST_LINE_BYTES,
            # an interrupt from the keyboard is for the program in front, which ends its children in order
            start_new_session=True,
        )
    except OSError as error:
        log.discard()
        raise StartFailure(f"The backend could not be started: {error.strerror or error}.") from error
    log.follow()
    try:
        answer = await _first_line(process, launch_line(paths, token), ready_s)
        address = _address(answer, token) or await _refused(answer, log)
    except BaseException:
        await _end(process, patience_s=0)
        raise
    return BackendChild(process, address, log)


async def _first_line(process: asyncio.subprocess.Process, line: bytes, ready_s: float) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(ready_s):
            process.stdin.write(line)
            await process.stdin.drain()
            return await process.stdout.readline()
    except TimeoutError as error:
        raise StartFailure(f"The backend was not ready within {ready_s:.0f} s.") from error
    except (ConnectionError, ValueError):
        return b""


def _address(answer: bytes, token: str) -> Address | None:
    """The address in a READY line; None for anything else."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = json.loads(answer)
        if found["ready"] is True:
            return Address(str(found["url"]), token, int(found["pid"]))
    return None


async def _refused(answer: bytes, log: StderrLog) -> NoReturn:
    """Say why there is no READY line."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        found = json.loads(answer)
        raise StartFailure(str(found["reason"]), str(found.get("url", "")), log.lines())
    lines = await log.whole_lines()
    said = next((line for line in reversed(lines) if line.strip()), "")
    raise StartFailure(
        "The backend ended before it was ready." + (f" Its last words: {said}" if said else ""), lines=lines
    )


def how_it_ended(status: int) -> str:
    """An exit status in words; negative is the number of a signal."""
    if status >= 0:
        return f"The backend ended with exit status {status}."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    return f"The backend was ended by signal {name}."


async def _end(process: asyncio.subprocess.Process, patience_s: float = LEAVE_S) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(patience_s):
            await process.wait()
    except TimeoutError:
        # not `process.kill`, which may reap the child before the loop does and lose its exit status
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()


def replace_by_backend(paths: HomePaths, port: int | None, local_api: str | None = None) -> NoReturn:
    """Become the backend: this process goes on as it, in the foreground. Does not return."""
    read_end, write_end = os.pipe()
    # a pipe holds 64 KiB and the line is far below
    line = launch_line(paths, fresh_token(), port=port, leave_at_eof=False, local_api=local_api)
    os.write(write_end, line)
    os.close(write_end)
    os.dup2(read_end, 0)
    os.close(read_end)
    command = backend_command()
    os.execv(command[0], command)
