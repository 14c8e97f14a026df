"""Where the engine's wheel is kept between installations: once compiled, it serves every copy on this machine.

`<user's cache>/sutazai/engine/<version>-<cpu key>-<python tag>/<wheel>` with `<wheel>.sha256` beside it, and
`sources/` for the source package, so that a second try needs no network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def default_root() -> Path:
    """The cache folder of this user: not a home's, as the wheel belongs to the machine."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "sutazai" / "engine"


def cpu_key(cpu_info: str | None = None) -> str:
    """Name of the kind of processor: machine and a digest of its model and instruction sets.

    The engine is compiled for the very processor (`-march=native`); on another it could end with an illegal
    instruction.
    """
    if cpu_info is None:
        source = Path("/proc/cpuinfo")
        cpu_info = source.read_text(errors="replace") if source.exists() else platform.processor()
    wanted = ("model name", "cpu part", "flags", "features")
    facts = {
        name.strip().lower(): " ".join(sorted(value.split()))
        for name, _, value in (line.partition(":") for line in cpu_info.splitlines())
        if name.strip().lower() in wanted
    }
    text = repr(sorted(facts.items())) if facts else cpu_info
    return f"{platform.machine()}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def python_tag() -> str:
    """For example `cpython-311`."""
    return sys.implementation.cache_tag or sys.implementation.name


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class EngineCache:
    """The folders of one version of the engine on this machine."""

    root: Path
    version: str

    @property
    def folder(self) -> Path:
        """Where the wheel for this processor and Python lies."""
        return self.root / f"{self.version}-{cpu_key()}-{python_tag()}"

    @property
    def sources(self) -> Path:
        """Where source packages are kept."""
        return self.root / "sources"

    def wheel(self) -> Path | None:
        """The wheel, if it is there and whole."""
        for wheel in sorted(self.folder.glob("*.whl")):
            digest = wheel.with_name(wheel.name + ".sha256")
            if digest.exists() and digest.read_text().strip() == sha256_of(wheel):
                return wheel
        return None

    def keep(self, wheel: Path) -> Path:
        """Take a wheel in, whole or not at all: the digest is written last, each file by a rename."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / wheel.name
        partial = kept.with_name(f".{kept.name}.{os.getpid()}.partial")
        try:
            shutil.copyfile(wheel, partial)
            with partial.open("rb") as stream:
                os.fsync(stream.fileno())
            digest = sha256_of(partial)
            partial.replace(kept)
            partial.write_text(digest + "\n")
            partial.replace(kept.with_name(kept.name + ".sha256"))
        finally:
            partial.unlink(missing_ok=True)
        return kept

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the machine's only right to build; `waiting` is called when another has it at first."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
