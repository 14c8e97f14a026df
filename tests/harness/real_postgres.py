"""A real PostgreSQL server for tests: on a free port, as an unprivileged user, gone after them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from server_process import end_with_parent, free_port, packaged

USER, PASSWORD = "sutazai", "a secret: of/tests"
START_S = 60.0
CONFIGURATION = {
    # What is tested is the death of the server, not of the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "autovacuum": "off",
    "max_parallel_workers": "0",
    "deadlock_timeout": "100ms",
    "log_min_messages": "warning",
}


@dataclass
class RealPostgres:
    """A server and its data.

    Attributes:
        programs: folder of `initdb` and `postgres`.
        home: folder of the data and the log.
        port: of 127.0.0.1.
        version: `18.6`.
    """

    programs: Path
    home: Path
    port: int
    version: str
    process: subprocess.Popen[bytes] | None = None
    made: list[str] = field(default_factory=list)

    def url(self, database: str) -> str:
        """The address of a database, as a person writes it."""
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def begin(self) -> None:
        """Make the data folder."""
        word = self.home / "password"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        subprocess.run(
            [
                str(self.programs / "initdb"), "-D", str(self.home / "data"), "-U", USER, "-A", "scram-sha-256",
                f"--pwfile={word}", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
            ],
            env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
            **packaged("postgres_server").as_other_user(),
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.home)}

    def start(self) -> None:
        """Run it, and wait until it takes connections."""
        given = [word for name, value in CONFIGURATION.items() for word in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(self.programs / "postgres"),
                    "-D",
                    str(self.home / "data"),
                    "-p",
                    str(self.port),
                    *given,
                ],
                cwd=self.home,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: end_with_parent(signal.SIGQUIT),
                **packaged("postgres_server").as_other_user(),
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Return when a connection is taken."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.home / "log").read_text()[-2_000:]
                assert self.process is not None
                assert self.process.poll() is None, (self.home / "log").read_text()[-2_000:]
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.05)
            else:
                return

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Carry out a statement in a transaction of its own; its rows."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def database(self, template: str | None = None) -> str:
        """Make a database; its name."""
        name = f"t{uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        self.made.append(name)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def kill(self) -> None:
        """kill -9 the server with all that it started."""
        assert self.process is not None
        children = children_of(self.process.pid)
        for pid in (self.process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        self.process = None

    def hang(self) -> None:
        """Have it stand still: connections are taken by the kernel, and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on after `hang`."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self.process is not None
        for pid in (self.process.pid, *children_of(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End it fast: open transactions are rolled back."""
        if self.process is None:
            return
        self.go_on()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None


def children_of(pid: int) -> list[int]:
    """The processes that a process started, as the kernel lists them."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@contextmanager
def real_postgres() -> Iterator[RealPostgres]:
    """A server that runs; nothing of it is left afterwards. Skips the test where there is none."""
    packaging = packaged("postgres_server")
    with ExitStack() as stack:
        try:
            programs = stack.enter_context(packaging.programs())
        except packaging.NoServerError as reason:
            pytest.skip(f"no PostgreSQL server: {reason}")
        home = Path(tempfile.mkdtemp(prefix="sutazai-pgdata-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        if os.geteuid() == 0:
            shutil.chown(home, packaging.USER, packaging.GROUP)
        port = free_port()
        server = RealPostgres(programs, home, port, packaging.version(programs))
        server.begin()
        stack.callback(server.stop)
        server.start()
        yield server
