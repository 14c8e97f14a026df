"""The whole program as a child process, watched from outside: what kill and journey tests stand on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from own_time import Deadline, ends

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], timeout_s: float = 30.0) -> T:
    """Return the first true value of `probe`; AssertionError that names `what` after `timeout_s` of `own_time`."""
    deadline = Deadline(timeout_s)
    pause = threading.Event()
    while True:
        value = probe()
        if value:
            return value
        if deadline.passed:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        pause.wait(0.02)


def seen(probe: Callable[[], T | None], within_s: float) -> T | None:
    """The first true value of `probe`; None when there is none by the plain clock, and something is to be tried."""
    latest_s = time.monotonic() + within_s
    pause = threading.Event()
    while not (value := probe()) and time.monotonic() < latest_s:
        pause.wait(0.02)
    return value or None


class Program:
    """One instance of the desktop in a home of its own.

    Args:
        home: folder of the instance.
        environment: additions to the environment, for example DISPLAY.
    """

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self._environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **environment}
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        """Start the desktop; its output goes to `desktop.out` beside the home."""
        self.starts += 1
        with self.home.with_suffix(".out").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "--home", str(self.home)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def stop(self) -> int:
        """Close the window as SIGTERM does; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return ends(self.process, 15)

    def output(self) -> str:
        """What the desktop printed so far."""
        return self.home.with_suffix(".out").read_text(errors="replace")

    # -- looking in -------------------------------------------------------------------------------

    def tree(self) -> list[psutil.Process]:
        """The desktop and all that it started."""
        assert self.process is not None
        try:
            desktop = psutil.Process(self.process.pid)
            return [desktop, *desktop.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def child(self, module: str) -> psutil.Process | None:
        """The living child that runs a module, for example `backend_embedded`."""
        for process in self.tree():
            try:
                command = process.cmdline()
                if process.status() != psutil.STATUS_ZOMBIE and command[1:3] == ["-m", module]:
                    return process
            except psutil.Error:
                continue
        return None

    def client(self) -> httpx.Client | None:
        """A client of the backend that serves this home by its own record; None while there is none."""
        try:
            record = json.loads((self.home / "run" / "backend.json").read_text())
            token = (self.home / "run" / "token").read_text().strip()
        except (OSError, ValueError):
            return None
        return httpx.Client(
            base_url=record["url"],
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(10, read=60),
            trust_env=False,
            verify=False,
        )

    def ready(self, timeout_s: float = 60) -> httpx.Client:
        """Wait until the model can answer; returns a client."""

        def probe() -> httpx.Client | None:
            client = self.client()
            if client is None:
                return None
            if states_of(client).get("model") == "ok":
                return client
            client.close()
            return None

        return wait_for("the model is ready", probe, timeout_s)


def states_of(client: httpx.Client) -> dict[str, str]:
    """State of each capability; empty when the backend does not answer."""
    try:
        status = client.get("/api/v1/status").raise_for_status().json()["data"]
    except httpx.HTTPError:
        return {}
    return {item["name"]: item["state"] for item in status["capabilities"]}


def gone(processes: list[psutil.Process], within_s: float) -> bool:
    """Whether all of these end within a time of `own_time`."""
    deadline = Deadline(within_s)
    while True:
        _, alive = psutil.wait_procs(processes, timeout=0.05)
        if all(is_zombie(process) for process in alive):
            return True
        if deadline.passed:
            return False


def is_zombie(process: psutil.Process) -> bool:
    """Whether it has ended, and its parent has not asked how."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@contextmanager
def running(program: Program) -> Iterator[Program]:
    """Start, hand over, and end the program whatever happened."""
    program.start()
    try:
        yield program
    finally:
        for process in program.tree():
            process.kill()
        if program.process is not None:
            program.process.wait(10)


def stream_chat(client: httpx.Client, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of one `POST /api/v1/chat`."""
    with client.stream("POST", "/api/v1/chat", json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])
