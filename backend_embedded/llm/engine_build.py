"""Brings llama.cpp into this Python: from the machine's cache, or compiled from its pinned source.

`python -m backend_embedded.llm.engine_build [--cache DIR] [--json]`: progress on stdout (JSON objects one a line
with `--json`), exit 0 when `llama_cpp` can be imported afterwards. Standard library only. SIGTERM, or the end of
stdin with `--json`, cancels and takes all compilers along.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from backend_embedded.llm.engine_cache import EngineCache, default_root
from backend_embedded.llm.engine_compile import end_with_parent

PINS = Path(__file__).resolve().parents[2] / "packaging"
CMAKE_ARGS = "-DLLAVA_BUILD=OFF"
TAIL_LINES = 30
SPACE_NEEDED_BYTES = 900_000_000
"""Source package, unpacked source, objects and wheel together."""
OLDEST_CMAKE = (3, 21)
NINJA_STEP = re.compile(r"^\[(\d+)/(\d+)\]")
NO_NETWORK = re.compile(
    r"name resolution|Max retries|NewConnectionError|Connection(?: refused| reset|Error)|unreachable|timed out"
    r"|Could not find a version|No matching distribution|ProxyError|getaddrinfo"
)


class BuildError(Exception):
    """The engine cannot be had; `failure` is a value of `contract.models.BuildFailure`."""

    def __init__(self, failure: str, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message


class CancelledError(BaseException):
    """SIGTERM came, or the parent closed stdin."""


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


def installed_version() -> str | None:
    """The version of the engine in this Python, None without one; imports nothing of it."""
    importlib.invalidate_caches()
    if importlib.util.find_spec("llama_cpp") is None:
        return None
    try:
        return importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return None


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
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._cache = cache
        self._report = report
        self._pins = pins
        self._python = python

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
            raise BuildError(
                "no_cmake",
                "cmake is missing and could not be fetched. Install it (sudo apt-get install cmake ninja-build) "
                "and build again.",
            ) from error

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
        driver = Path(__file__).with_name("engine_compile.py")
        command = [str(tools / "python"), str(driver), str(source), str(work / "wheels")]
        if self._spawn(command, environment):
            raise self._failure("The engine could not be compiled.")

    def _must(self, command: list[str], what: str) -> None:
        if self._spawn(command, child_environment()):
            raise self._failure(f"{what} could not be made.")

    def _pip(self, arguments: list[str], target: list[str] | None = None, *, fetches: bool = False) -> None:
        quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        quiet += ["--retries", "2", "--timeout", "20"] if fetches else []
        command = [self._python, "-m", "pip", *(target or []), *arguments, *quiet]
        if self._spawn(command, child_environment()):
            text = "\n".join(self.tail)
            if fetches and NO_NETWORK.search(text) and "HASHES" not in text:
                raise BuildError(
                    "no_source",
                    "The engine's source could not be fetched: no network, and no copy in the cache "
                    f"({self._cache.root}). Connect once and build again.",
                )
            raise self._failure("pip failed.")

    def _spawn(self, command: list[str], environment: dict[str, str]) -> int:
        """Run a command in a process group of its own, keep what it prints; its exit status."""
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            with process.stdout:
                for line in process.stdout:
                    self._read(line.rstrip())
            return process.wait()
        except BaseException:
            end_group_of(process)
            raise

    def _read(self, line: str) -> None:
        if not line:
            return
        self.tail.append(line[:400])
        step = NINJA_STEP.match(line)
        if step:
            self._report(Progress("compiling", int(step[1]), int(step[2])))

    def _failure(self, message: str, *, full: bool = False) -> BuildError:
        """The error that the last lines tell of."""
        text = "\n".join(self.tail)
        if full or "No space left on device" in text:
            return disk_full(self._cache.root, shutil.disk_usage(self._cache.root).free)
        if "CMAKE_CXX_COMPILER" in text or "No CMAKE_C_COMPILER" in text:
            return no_compiler("cmake found none that works.")
        if "Killed signal terminated program" in text:
            return BuildError(
                "other", "The compiler was killed, most likely for want of memory. Close programs, retry."
            )
        return BuildError("other", f"{message} The last lines say why.")


def child_environment() -> dict[str, str]:
    """This environment without what would send pip elsewhere or leave the engine's modules uncompiled."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def end_group_of(process: subprocess.Popen[str]) -> None:
    """End a child and all it started; ninja gets the time to end its compilers."""
    for number, patience_s in ((signal.SIGTERM, 1.5), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)


def no_compiler(why: str) -> BuildError:
    """The failure of a machine without a C++ compiler."""
    return BuildError(
        "no_compiler",
        f"No C++ compiler: {why} Install one (sudo apt-get install g++) and build again.",
    )


def disk_full(folder: Path, free_bytes: int) -> BuildError:
    """The failure of a machine without room."""
    return BuildError(
        "disk_full",
        f"The disk is full: building needs {SPACE_NEEDED_BYTES / 1e6:.0f} MB in {folder}, "
        f"{free_bytes / 1e6:.0f} MB are free. Make room and build again.",
    )


def compiler_works() -> None:
    """Compile a line of C++ that needs the standard library.

    Raises:
        BuildError: there is no compiler, or it cannot do that (`no_compiler`).
    """
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["c++", "g++", "clang++"]
    compiler = next((found for name in names if (found := shutil.which(name.split()[0]))), None)
    if compiler is None:
        raise no_compiler(f"none of {', '.join(names)} is on the path.")
    done = subprocess.run(
        [compiler, "-x", "c++", "-std=c++17", "-fsyntax-only", "-"],
        input="#include <thread>\nint main() { return 0; }\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise no_compiler(f"{compiler} cannot compile one line ({done.stderr.strip()[:200]}).")


def system_cmake() -> str | None:
    """The system's cmake, if it is new enough and there is something for it to drive (ninja or make)."""
    cmake = shutil.which("cmake")
    if cmake is None or not (shutil.which("ninja") or shutil.which("make")):
        return None
    done = subprocess.run([cmake, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    return cmake if found and (int(found[1]), int(found[2])) >= OLDEST_CMAKE else None


@contextlib.contextmanager
def cancelled_by_signal(watch_stdin: bool) -> Iterator[None]:
    """Raise `CancelledError` here at SIGTERM, at Ctrl-C, and when stdin ends if that is watched."""

    def cancel(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise CancelledError

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    end_with_parent()
    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGINT, cancel)
    if watch_stdin:
        threading.Thread(target=watch, name="stdin", daemon=True).start()
    yield


def print_json(**facts: object) -> None:
    """One object on a line of its own; nobody may be there any more to read it."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def print_progress(progress: Progress) -> None:
    """One line for people: each phase, and of the steps every tenth."""
    if progress.steps == 0:
        sys.stdout.write(f"Engine: {progress.phase}\n")
    elif progress.step % 10 == 0 or progress.step == progress.steps:
        sys.stdout.write(f"Engine: {progress.phase} {progress.step}/{progress.steps}\n")
    sys.stdout.flush()


def report_json(progress: Progress) -> None:
    """The progress as an object."""
    print_json(phase=progress.phase, step=progress.step, steps=progress.steps)


def main() -> int:
    """Bring the engine in; 0 when it is there, 130 when cancelled, else 1."""
    parser = argparse.ArgumentParser(prog="engine_build", description="Install or compile the local engine.")
    parser.add_argument("--cache", type=Path, default=default_root(), help="where the wheel is kept")
    parser.add_argument("--json", action="store_true", help="one JSON object a line; ends when stdin does")
    arguments = parser.parse_args()
    tail: deque[str] = deque()
    try:
        with cancelled_by_signal(arguments.json):
            build = EngineBuild(
                EngineCache(arguments.cache, pinned_version()),
                report_json if arguments.json else print_progress,
            )
            tail = build.tail
            build.run()
    except BuildError as error:
        return report_failure(error.failure, error.message, tail, arguments.json, 1)
    except CancelledError:
        return report_failure("cancelled", "The build was cancelled.", tail, arguments.json, 130)
    if arguments.json:
        print_json(done=True, version=installed_version())
    return 0


def report_failure(failure: str, message: str, tail: deque[str], as_json: bool, status: int) -> int:
    """Say how it ended; gives the exit status back."""
    if as_json:
        print_json(failure=failure, message=message, tail=list(tail))
    else:
        sys.stdout.write("".join(f"    {line}\n" for line in tail) + f"Engine: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
