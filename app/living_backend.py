"""Whether a backend serves a home already, found without importing an HTTP library."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from app.paths import HomePaths

PROBE_S = 3.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a backend serves, and what it wants to be shown."""

    url: str
    token: str
    pid: int


def process_lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet reaped does not."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not Path("/proc/self/stat").exists()
    return status.rpartition(")")[2].split()[0] not in "ZX"


def recorded_address(paths: HomePaths) -> Address | None:
    """What `run/backend.json` and `run/token` say, if their process lives. Reads two small files."""
    try:
        record = json.loads((paths.run / "backend.json").read_text(encoding="utf-8"))
        token = (paths.run / "token").read_text(encoding="utf-8").strip()
        address = Address(str(record["url"]), token, int(record["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return address if address.pid > 0 and process_lives(address.pid) else None


async def living_backend(paths: HomePaths) -> Address | None:
    """The backend that serves this home now and takes our token; None when there is none."""
    address = recorded_address(paths)
    if address is None:
        return None
    try:
        async with asyncio.timeout(PROBE_S):
            return address if await _answers(address) else None
    except (OSError, TimeoutError, ValueError):
        return None


async def _answers(address: Address) -> bool:
    """Ask for the status with the token: what answers 200 is the backend of this home, not another program."""
    parts = urlsplit(address.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        request = (
            "GET /api/v1/status HTTP/1.1\r\n"
            f"Host: {parts.netloc}\r\nAuthorization: Bearer {address.token}\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        await writer.drain()
        words = (await reader.readline()).split()
        return len(words) > 1 and words[1] == b"200"
    finally:
        writer.close()
