"""A real Redis server for tests: on a free port, as an unprivileged user, gone after them."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

ROOT = Path(__file__).resolve().parents[2]
USER, GROUP = "nobody", "nogroup"
START_S = 20.0
PR_SET_PDEATHSIG = 1


def packaged() -> Any:
    """`packaging/redis_server.py`, which is no package."""
    name = "redis_server"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def end_with_parent() -> None:
    """Have the kernel end this child when the tests are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


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


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def real_redis(*options: str) -> Iterator[RealRedis]:
    """A server that runs; nothing of it is left afterwards. Skips the test where there is none."""
    packaging = packaged()
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
