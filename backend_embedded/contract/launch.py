"""How a process starts the backend: one line in, one line out.

The parent writes one `Launch` as a JSON line to stdin; the backend answers one `Ready` line on stdout,
serves, and leaves when stdin closes (or on SIGTERM).
"""

from __future__ import annotations

from typing import Literal

from backend_embedded.contract.settings import LocalApi
from backend_embedded.contract.wire import Wire


class HomePaths(Wire):
    """The folders of one instance, absolute."""

    config: str
    data: str
    state: str
    cache: str
    models: str
    run: str


class Launch(Wire):
    """First line on the backend's stdin."""

    paths: HomePaths
    token: str
    port: int | None = None
    """None: 10010 if it is free, else one the system gives."""
    leave_at_eof: bool = True
    """False for `sutazai serve`, which has no parent to outlive."""
    local_api: LocalApi | None = None
    """Who may use the doors for other programs in this run; None: as set."""


class Ready(Wire):
    """The one line on the backend's stdout when it serves."""

    ready: Literal[True] = True
    url: str
    version: str
    pid: int


class Refused(Wire):
    """The one line on stdout instead, when the backend cannot start; exit status 1."""

    ready: Literal[False] = False
    reason: str
    url: str = ""
    """Address of the backend that serves this home already, if that is the reason."""
