"""A real Redis server for tests: on a free port, as an unprivileged user, gone after them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from server_process import end_with_parent, free_port, packaged

USER, GROUP = "nobody", "nogroup"
START_S = 20.0


def as_other_user() -> dict[str, Any]:
    """Arguments of `subprocess` that drop root's rights; none for everyone else."""
    return {} if os.geteuid() != 0 else {"user": USER, "group": GROUP, "extra_groups": []}


@dataclass
class RealRedis:
    """A server that can be ended, killed and halted.

    Attributes:
        program: its program, with the libraries.
        home: folder of the log; nothing else is written.
        port: of 127.0.0.1.
        version: `7.0.15`.
        options: more of its command line.
    """

    program: Any
    home: Path
    port: int
    version: str
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        command = [
            str(self.program.program),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *("--daemonize", "no", "--dir", str(self.home), "--enable-debug-command", "yes"),
            *self.options,
        ]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self.program.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
                **as_other_user(),
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            assert self.process.poll() is None, (self.home / "log").read_text()[-2_000:]
            assert time.monotonic() < deadline, (self.home / "log").read_text()[-2_000:]
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)

    def answers(self) -> bool:
        """Whether it takes commands (or wants a password first)."""
        try:
            self.run("PING")
        except redis.AuthenticationError:
            return True
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        return True

    def run(self, *command: Any) -> Any:
        """Carry out a command over a connection of its own."""
        with redis.Redis(port=self.port, socket_timeout=5, retry=None) as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)
        self.process = None

    def hang(self) -> None:
        """Have it stand still: connections are taken by the kernel, and nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on after `hang`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        if self.process is None:
            return
        self.go_on()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None


@contextmanager
def real_redis(*options: str) -> Iterator[RealRedis]:
    """A server that runs; nothing of it is left afterwards. Skips the test where there is none."""
    packaging = packaged("redis_server")
    try:
        program = packaging.installed()
        version = program.version()
    except packaging.NoServerError as reason:
        pytest.skip(f"no Redis server: {reason}")
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="sutazai-redis-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        if os.geteuid() == 0:
            home.chmod(0o755)
            if program.root is not None:
                shutil.copytree(program.root, home / "program", symlinks=True)
                program = program.moved(home / "program")
            shutil.chown(home, USER, GROUP)
        server = RealRedis(program, home, free_port(), version, options)
        stack.callback(server.stop)
        server.start()
        yield server
