"""Finds a real RabbitMQ server for the tests, or unpacks Debian's packages of it into the user's cache.

The packages are not installed: installing them starts a server on the usual port, and adds a user. A server that
the system has is used where it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = "rabbitmq-server"
ERLANG = (
    "base", "asn1", "crypto", "eldap", "ftp", "inets", "mnesia", "os-mon", "parsetools", "public-key",
    "runtime-tools", "snmp", "ssl", "syntax-tools", "tftp", "tools", "xmerl",
)  # fmt: skip
PACKAGES = (SERVER, *(f"erlang-{name}" for name in ERLANG))
SCRIPT = Path("usr/lib/rabbitmq/bin/rabbitmq-server")
ERLANG_ROOT = Path("usr/lib/erlang")
USER, GROUP = "nobody", "nogroup"


class NoServerError(Exception):
    """There is no RabbitMQ here; the text says why."""


def cache() -> Path:
    """Where the unpacked packages are kept."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return folder / "sutazai" / "test-servers" / "rabbitmq"


def installed() -> Path:
    """The folder under which `usr/lib/rabbitmq` and `usr/lib/erlang` are.

    `SUTAZAI_RABBITMQ` names another one.

    Raises:
        NoServerError: there is none.
    """
    named = os.environ.get("SUTAZAI_RABBITMQ")
    for folder in (Path(named),) if named else (Path("/"), cache()):
        if (folder / SCRIPT).exists() and (folder / ERLANG_ROOT).is_dir():
            return folder
    raise NoServerError(f"neither the package {SERVER} nor an unpacked one in {cache()} is there")


def ensure() -> Path:
    """The folder of `installed`, with the packages fetched and unpacked if they are not there yet (25 MB, once).

    Raises:
        NoServerError: this machine has no Debian packages, or cannot fetch them.
    """
    try:
        return installed()
    except NoServerError:
        pass
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NoServerError("its Debian packages cannot be fetched here")
    cache().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", dir=cache().parent) as scratch:
        tree = Path(scratch) / "tree"
        print(f"test-services: fetching {SERVER} and Erlang", flush=True)
        if not _fetch(Path(scratch)) and os.geteuid() == 0:
            _run("apt-get", "update", "-qq")
            _fetch(Path(scratch))
        found = sorted(Path(scratch).glob("*.deb"))
        if len(found) < len(PACKAGES):
            raise NoServerError(f"{SERVER} and Erlang could not be fetched from Debian")
        for package in found:
            if _run("dpkg-deb", "-x", str(package), str(tree)):
                raise NoServerError(f"{package.name} could not be unpacked")
        tree.chmod(0o755)
        shutil.rmtree(cache(), ignore_errors=True)
        tree.rename(cache())
    return installed()


@contextmanager
def programs() -> Iterator[Path]:
    """The folder of `installed`, readable by the user that runs it."""
    there = installed()
    if os.geteuid() != 0 or there == Path("/"):
        yield there
        return
    with tempfile.TemporaryDirectory(prefix="sutazai-rabbitmq-") as folder:
        Path(folder).chmod(0o755)
        copy = Path(folder) / "tree"
        shutil.copytree(there, copy, symlinks=True, copy_function=_link)
        yield copy


def version(tree: Path) -> str:
    """Version of the server: `3.10.8`."""
    found = sorted((tree / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    if not found:
        raise NoServerError(f"there is no RabbitMQ in {tree}")
    return found[-1].name.partition("-")[2]


def emulator(tree: Path) -> Path:
    """The folder of Erlang's programs (`erlexec`, `epmd`)."""
    found = sorted((tree / ERLANG_ROOT).glob("erts-*/bin"))
    if not found:
        raise NoServerError(f"there is no Erlang in {tree}")
    return found[-1]


def as_other_user() -> dict[str, object]:
    """Arguments of `subprocess` that drop root's rights; none for everyone else."""
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": GROUP, "extra_groups": []}


def _fetch(folder: Path) -> bool:
    return _run("apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", *PACKAGES, cwd=folder) == 0


def _run(*command: str, cwd: Path | None = None) -> int:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, cwd=cwd, check=False, **quiet).returncode


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)  # another disk


def main() -> int:
    """Fetch the server if need be and print which one the tests use."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        tree = ensure()
        print(f"RabbitMQ {version(tree)} in {tree}")
    except NoServerError as reason:
        print(f"no RabbitMQ server: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
