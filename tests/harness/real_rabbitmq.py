"""A real RabbitMQ server for tests: on free ports, as an unprivileged user, gone after them."""

from __future__ import annotations

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

import psutil
import pytest
from server_process import end_with_parent, packaged

START_S = 90.0
STOP_S = 30.0
HELLO = b"AMQP\x00\x00\x09\x01"
CONFIGURATION = """listeners.tcp.1 = 127.0.0.1:{port}
log.console = false
log.file.level = warning
disk_free_limit.absolute = 1MB
vm_memory_high_watermark.absolute = 1GB
"""
EMULATOR = """#!/bin/sh
ROOTDIR={root} BINDIR={programs} EMU=beam PROGNAME=erl
export ROOTDIR BINDIR EMU PROGNAME
exec "$BINDIR/erlexec" "$@"
"""


@dataclass
class RealRabbit:
    """A server and its data.

    Attributes:
        tree: where its packages are.
        home: folder of its data, logs and configuration.
        port: AMQP, of 127.0.0.1.
        version: `3.10.8`.
    """

    tree: Path
    home: Path
    port: int
    names_port: int
    nodes_port: int
    version: str
    process: subprocess.Popen[bytes] | None = None
    names: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, with the user that it has from the start."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def erlang(self) -> Path:
        return Path(packaged("rabbitmq_server").emulator(self.tree))

    def prepare(self) -> None:
        """Make its folders, its configuration, and an `erl` that knows where it is."""
        for name in ("data", "log", "bin"):
            (self.home / name).mkdir()
        (self.home / "rabbitmq.conf").write_text(CONFIGURATION.format(port=self.port))
        (self.home / "enabled_plugins").write_text("[].\n")
        emulator = self.home / "bin" / "erl"
        root = self.tree / packaged("rabbitmq_server").ERLANG_ROOT
        emulator.write_text(EMULATOR.format(root=root, programs=self.erlang))
        emulator.chmod(0o755)
        if os.geteuid() == 0:
            for path in (self.home, *self.home.rglob("*")):
                shutil.chown(path, packaged("rabbitmq_server").USER, packaged("rabbitmq_server").GROUP)

    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.home / 'bin'}:{self.erlang}:/usr/bin:/bin",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_CRASH_DUMP_BYTES": "0",
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.nodes_port),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "detached": "1",  # the script becomes the server, in place of waiting for it
        }

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.home / "output").open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self.home,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent,
                **packaged("rabbitmq_server").as_other_user(),
            )

    def start(self) -> None:
        """Run it, and wait until it takes connections."""
        self.launch()
        self.wait_until_it_answers()

    def launch(self) -> None:
        """Run it. In the main thread only: the kernel ends it with the thread that started it."""
        if self.names is None:
            # Else the server starts one that outlives it.
            program = str(self.erlang / "epmd")
            self.names = self._run(program, "-address", "127.0.0.1", "-port", str(self.names_port))
        self.process = self._run(str(self.tree / packaged("rabbitmq_server").SCRIPT))

    def wait_until_it_answers(self) -> None:
        """Return when it takes connections."""
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while not self.answers():
            assert self.process.poll() is None, self.told()
            assert time.monotonic() < deadline, self.told()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)

    def answers(self) -> bool:
        """Whether it says hello."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(HELLO)
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def told(self) -> str:
        """The end of what it printed."""
        return (self.home / "output").read_text(errors="replace")[-2_000:]

    def kill(self) -> None:
        """kill -9 it with all that it started."""
        assert self.process is not None
        self._signal_all(signal.SIGKILL)
        self.process.wait(STOP_S)
        self.process = None

    def hang(self) -> None:
        """Have it stand still: connections are taken by the kernel, and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on after `hang`."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self.process is not None
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(self.process.pid)
            for one in (server, *server.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(number)

    def stop(self) -> None:
        """End it in order."""
        if self.process is None:
            return
        self.go_on()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def close(self) -> None:
        """End it, at once, and what it registers its name with."""
        if self.process is not None:
            self.kill()
        if self.names is not None:
            self.names.kill()
            self.names.wait(STOP_S)
            self.names = None


@contextmanager
def real_rabbitmq() -> Iterator[RealRabbit]:
    """A server that runs; nothing of it is left afterwards. Skips the test where there is none."""
    packaging = packaged("rabbitmq_server")
    with ExitStack() as stack:
        try:
            tree = stack.enter_context(packaging.programs())
        except packaging.NoServerError as reason:
            pytest.skip(f"no RabbitMQ server: {reason}")
        home = Path(tempfile.mkdtemp(prefix="sutazai-rabbitmq-home-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        with ExitStack() as sockets:
            free = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
            ports = [one.getsockname()[1] for one in free]
        server = RealRabbit(tree, home, *ports, packaging.version(tree))
        server.prepare()
        stack.callback(server.close)
        server.start()
        print(f"\nRabbitMQ {server.version} on 127.0.0.1:{server.port}", file=sys.__stdout__, flush=True)
        yield server
