"""Has the engine compiled from its pinned source, or taken from the machine's cache, and installs it.

Standard library only: it runs in a child of its own, `python -m backend_embedded.llm.engine`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend_embedded.llm.engine.cache import EngineCache
from backend_embedded.llm.engine.commands import Commands, child_environment
from backend_embedded.llm.engine.compilers import compiler_works, system_cmake
from backend_embedded.llm.engine.failures import (
    NO_NETWORK,
    NO_SPACE,
    SPACE_NEEDED_BYTES,
    BuildError,
    disk_full,
    no_cmake,
    no_source,
    told_by,
)
from backend_embedded.llm.engine.presence import installed_version

PINS = Path(__file__).resolve().parents[3] / "packaging"
CMAKE_ARGS = "-DLLAVA_BUILD=OFF"
NINJA_STEP = re.compile(r"^\[(\d+)/(\d+)\]")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    phase: str
    step: int = 0
    steps: int = 0


Report = Callable[[Progress], None]


def pinned_version(pins: Path = PINS) -> str:
    """The version of llama-cpp-python that belongs to this program."""
    found = re.search(
        r"^llama-cpp-python==(\S+)", (pins / "requirements-engine.txt").read_text(), re.MULTILINE
    )
    if found is None:
        raise BuildError("other", "packaging/requirements-engine.txt names no llama-cpp-python.")
    return found[1]


class EngineBuild:
    """One run of the build.

    Args:
        cache: where the wheel is kept.
        report: is told each step.
        pins: folder of the hash-pinned requirement files.
        python: the Python that gets the engine and lends its pip.
    """

    def __init__(
        self, cache: EngineCache, report: Report, pins: Path = PINS, python: str = sys.executable
    ) -> None:
        self._commands = Commands(self._heard)
        self._cache = cache
        self._report = report
        self._pins = pins
        self._python = python

    @property
    def tail(self) -> deque[str]:
        """The last lines that its commands printed."""
        return self._commands.tail

    def run(self) -> None:
        """Install the engine, compiled if need be.

        Raises:
            BuildError: it cannot be had; `tail` has the last lines that were printed.
        """
        try:
            with self._cache.locked(lambda: self._report(Progress("waiting for another build"))):
                if installed_version() == self._cache.version:
                    return
                wheel = self._cache.wheel() or self._compiled()
                self._install(wheel)
        except OSError as error:
            raise self._failure(error.strerror or str(error), full=error.errno == errno.ENOSPC) from error

    def _install(self, wheel: Path) -> None:
        self._report(Progress("installing"))
        # its dependencies are pinned with the program's own
        self._pip(["install", "--no-deps", "--no-index", "--compile", "--force-reinstall", str(wheel)])

    def _compiled(self) -> Path:
        compiler_works()
        free = shutil.disk_usage(self._cache.root).free
        if free < SPACE_NEEDED_BYTES:
            raise disk_full(self._cache.root, free)
        self._remove_leftovers()
        with tempfile.TemporaryDirectory(
            prefix="build-", dir=self._cache.root, ignore_cleanup_errors=True
        ) as name:
            work = Path(name)
            source_package = self._fetched(work)
            source = self._unpacked(source_package, work)
            self._compile(source, work)
            wheels = list((work / "wheels").glob("*.whl"))
            if len(wheels) != 1:
                raise self._failure("The compile ended without a wheel.")
            return self._cache.keep(wheels[0])

    def _remove_leftovers(self) -> None:
        """Folders of builds that were killed: the lock is held, so none of them is in use."""
        for folder in self._cache.root.glob("build-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _fetched(self, work: Path) -> Path:
        """Install the build tools into `work/tools` and have the source package in the cache."""
        self._report(Progress("fetching"))
        tools = work / "tools"
        self._must([self._python, "-m", "venv", "--without-pip", str(tools)], "The build tools' folder")
        target = ["--python", str(tools / "bin" / "python")]
        only_wheels = ["install", "--only-binary", ":all:", "--require-hashes", "-r"]
        self._pip([*only_wheels, str(self._pins / "requirements-engine-tools.txt")], target, fetches=True)
        self._have_cmake([*only_wheels, str(self._pins / "requirements-engine-cmake.txt")], target)
        self._cache.sources.mkdir(parents=True, exist_ok=True)
        download = ["download", "--no-deps", "--no-binary", "llama-cpp-python", "--no-build-isolation"]
        download += ["--require-hashes", "-r", str(self._pins / "requirements-engine.txt")]
        folder = str(self._cache.sources)
        self._pip([*download, "--find-links", folder, "-d", folder], target, fetches=True)
        found = sorted(self._cache.sources.glob(f"llama_cpp_python-{self._cache.version}.tar.gz"))
        if not found:
            raise self._failure("The source package is not where pip should have put it.")
        return found[0]

    def _have_cmake(self, install: list[str], target: list[str]) -> None:
        """Take cmake and ninja from the package index; the system's own will do where that has none."""
        try:
            self._pip(install, target, fetches=True)
        except BuildError as error:
            if system_cmake() is not None:
                return
            if error.failure == "disk_full":
                raise
            raise no_cmake() from error

    def _unpacked(self, package: Path, work: Path) -> Path:
        self._report(Progress("unpacking"))
        with tarfile.open(package) as archive:
            archive.extractall(work / "source", filter="data")
        return next((work / "source").iterdir())

    def _compile(self, source: Path, work: Path) -> None:
        self._report(Progress("configuring"))
        (work / "wheels").mkdir()
        tools = work / "tools" / "bin"
        environment = {
            **child_environment(),
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "CMAKE_ARGS": f"{CMAKE_ARGS} {os.environ.get('CMAKE_ARGS', '')}".strip(),
            "CMAKE_BUILD_PARALLEL_LEVEL": str(len(os.sched_getaffinity(0))),
            "TMPDIR": str(work),
        }
        driver = Path(__file__).with_name("compile.py")
        command = [str(tools / "python"), "-P", str(driver), str(source), str(work / "wheels")]
        if self._commands.run(command, environment):
            raise self._failure("The engine could not be compiled.")

    def _must(self, command: list[str], what: str) -> None:
        if self._commands.run(command):
            raise self._failure(f"{what} could not be made.")

    def _pip(self, arguments: list[str], target: list[str] | None = None, *, fetches: bool = False) -> None:
        quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        quiet += ["--retries", "2", "--timeout", "20"] if fetches else []
        command = [self._python, "-m", "pip", *(target or []), *arguments, *quiet]
        if self._commands.run(command):
            text = "\n".join(self.tail)
            if fetches and NO_NETWORK.search(text) and "HASHES" not in text:
                raise no_source(self._cache.root)
            raise self._failure("pip failed.")

    def _heard(self, line: str) -> None:
        step = NINJA_STEP.match(line)
        if step:
            self._report(Progress("compiling", int(step[1]), int(step[2])))

    def _failure(self, message: str, *, full: bool = False) -> BuildError:
        """The error that the last lines tell of."""
        text = "\n".join(self.tail)
        if full or NO_SPACE in text:
            return disk_full(self._cache.root, shutil.disk_usage(self._cache.root).free)
        return told_by(text, message)
