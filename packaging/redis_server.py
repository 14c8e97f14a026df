"""Has a real Redis server at hand for the tests: the system's, or Debian's packages unpacked into the user's cache.

Nothing is installed: the package would start a service on the usual port.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "redis-server"
NEW_PACKAGE = re.compile(r"^Inst (\S+)", re.MULTILINE)
VERSION = re.compile(r"v=(\S+)")


class NoServerError(Exception):
    """There is no Redis server here and none can be fetched; the text says why."""


@dataclass(frozen=True)
class RedisProgram:
    """A server's program and where its libraries are.

    Attributes:
        program: `redis-server`.
        libraries: folders for the dynamic linker; empty when the system has them.
        root: the folder to copy for another user to read it; None: everyone can.
    """

    program: Path
    libraries: tuple[Path, ...] = ()
    root: Path | None = None

    def moved(self, folder: Path) -> RedisProgram:
        """The same in a copy of its root."""
        assert self.root is not None
        there = [folder / path.relative_to(self.root) for path in (self.program, *self.libraries)]
        return RedisProgram(there[0], tuple(there[1:]), folder)

    def environment(self) -> dict[str, str]:
        """What it needs to start."""
        path = {"PATH": os.environ.get("PATH", os.defpath)}
        found = os.pathsep.join(map(str, self.libraries))
        return path | ({"LD_LIBRARY_PATH": found} if found else {})

    def version(self) -> str:
        """What `redis-server --version` says: `7.0.15`."""
        told = subprocess.run(
            [str(self.program), "--version"],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = VERSION.search(told.stdout)
        if told.returncode or not found:
            raise NoServerError(f"{self.program} does not run: {told.stderr.strip()[-200:]}")
        return found[1]


def kept() -> Path:
    """The folder that the packages are unpacked into."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "sutazai" / "test-servers" / "redis"


def installed() -> RedisProgram:
    """The server that is there; `SUTAZAI_REDIS` names another program.

    Raises:
        NoServerError: there is none.
    """
    named = os.environ.get("SUTAZAI_REDIS") or shutil.which(PROGRAM)
    if named:
        if not Path(named).exists():
            raise NoServerError(f"{named} does not exist")
        return RedisProgram(Path(named))
    root = kept()
    program = root / "usr" / "bin" / PROGRAM
    if not program.exists():
        raise NoServerError(f"{PROGRAM} is neither installed nor in {root}")
    return RedisProgram(program, tuple(sorted((root / "usr" / "lib").glob("*-linux-gnu*"))), root)


def ensure() -> RedisProgram:
    """The server, fetched if it is not there yet (some seconds, once).

    Raises:
        NoServerError: this machine cannot fetch it.
    """
    try:
        return installed()
    except NoServerError:
        if os.environ.get("SUTAZAI_REDIS"):
            raise
    _fetch(kept())
    found = installed()
    found.version()
    return found


def _fetch(folder: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise NoServerError(f"{tool} is not there to fetch it; install {PROGRAM}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="redis-", dir=folder.parent) as scratch:
        names = _needed(Path(scratch))
        print(f"test-services: fetching {', '.join(names)}", flush=True)
        _apt(["download", *names], Path(scratch))
        whole = Path(scratch) / "whole"
        for package in sorted(Path(scratch).glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(whole)], stdin=subprocess.DEVNULL, check=True)
        if not (whole / "usr" / "bin" / PROGRAM).exists():
            raise NoServerError(f"the packages {', '.join(names)} hold no {PROGRAM}")
        shutil.rmtree(folder, ignore_errors=True)
        whole.replace(folder)


def _needed(scratch: Path) -> list[str]:
    """The package and those that it needs and that are not installed."""
    simulated = ["-s", "install", "--no-install-recommends", PROGRAM]
    try:
        told = _apt(simulated, scratch)
    except NoServerError:
        if os.geteuid() != 0:
            raise
        _apt(["update", "-qq"], scratch)
        told = _apt(simulated, scratch)
    return NEW_PACKAGE.findall(told)


def _apt(words: list[str], folder: Path) -> str:
    ended = subprocess.run(
        ["apt-get", "-o", "APT::Sandbox::User=root", *words],
        cwd=folder,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise NoServerError(f"apt-get {words[0]} failed: {ended.stderr.strip()[-200:]}")
    return ended.stdout


def main() -> int:
    """Fetch the server if need be and print its path."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        found = ensure()
        print(f"Redis {found.version()} at {found.program}")
    except NoServerError as reason:
        print(f"no Redis server: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
