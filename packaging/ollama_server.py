"""Builds a real Ollama server from its Go module into the user's cache, for the tests that need one.

The module leaves out the headers that its source tree vendors: two come from the system's packages, the third
from the Go module of a binding that carries it. Without the AVX2 flags the server would be four times slower
than the one that people install.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

VERSION = "0.13.5"
MODULE = "github.com/ollama/ollama"
AUDIO_MODULE = "github.com/gen2brain/malgo@v0.11.24"
AUDIO_HEADER = "miniaudio.h"
HEADERS = {"nlohmann-json3-dev": "nlohmann/json.hpp", "libstb-dev": "stb/stb_image.h"}
PROGRAMS = {"golang-go": "go", "g++": "g++"}
OLDEST_GO = (1, 21)  # older ones do not fetch the toolchain that a module asks for
FAST = ("avx2", "fma", "f16c", "bmi2")


class NoServerError(Exception):
    """There is no Ollama server here and none can be built; the text says why."""


@dataclass(frozen=True)
class Build:
    """Where the server is kept, and with which flags it is compiled."""

    folder: Path
    flags: tuple[str, ...]

    @property
    def program(self) -> Path:
        """The compiled server."""
        return self.folder / "ollama"


def build_here() -> Build:
    """The build for this user and this processor."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    fast = _is_fast()
    name = f"ollama-{VERSION}-{platform.machine()}{'-avx2' if fast else ''}"
    flags = ("-O3", *(f"-m{flag}" for flag in FAST)) if fast else ("-O3",)
    return Build(cache / "sutazai" / "test-servers" / name, flags)


def ensure(log: Path | None = None) -> Path:
    """The server's program, compiled if it is not there yet (about 5 minutes, once).

    Raises:
        NoServerError: this machine cannot build it.
    """
    build = build_here()
    if build.program.exists():
        return build.program
    if sys.platform != "linux":
        raise NoServerError("the server is only built on Linux")
    _install_packages()
    build.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ollama-build-", dir=build.folder) as scratch:
        _compile(build, Path(scratch), log or build.folder / "build.log")
    return build.program


def _is_fast() -> bool:
    try:
        words = set(Path("/proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return False
    return words.issuperset(FAST)


def _install_packages() -> None:
    """Have the system install what is missing, when we may."""
    if _missing() and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"test-services: installing {', '.join(_missing())}", flush=True)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", *_missing()]):
            subprocess.run(["apt-get", *command], env=environment, check=False, **quiet)
    if _missing():
        raise NoServerError(f"to build it, {', '.join(_missing())} must be installed")
    version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    numbers = tuple(int(part) for part in version.strip().removeprefix("go").split(".")[:2] if part.isdigit())
    if numbers < OLDEST_GO:
        raise NoServerError(f"to build it, Go {'.'.join(map(str, OLDEST_GO))} or later is needed")


def _missing() -> list[str]:
    programs = [package for package, program in PROGRAMS.items() if shutil.which(program) is None]
    headers = [package for package, header in HEADERS.items() if not Path("/usr/include", header).exists()]
    return programs + headers


def _compile(build: Build, scratch: Path, log: Path) -> None:
    print(f"test-services: compiling Ollama {VERSION}, once, about 5 minutes (log: {log})", flush=True)
    audio = scratch / "include" / "miniaudio"
    audio.mkdir(parents=True)
    shutil.copy(Path(_module_folder()) / AUDIO_HEADER, audio / AUDIO_HEADER)
    flags = " ".join(build.flags)
    environment = os.environ | {
        "CPLUS_INCLUDE_PATH": str(audio.parent),
        "CGO_ENABLED": "1",
        "CGO_CFLAGS": flags,
        "CGO_CXXFLAGS": flags,
        "GOBIN": str(scratch / "bin"),
    }
    linking = f"-s -w -X={MODULE}/version.Version={VERSION}"
    command = ["go", "install", "-trimpath", "-ldflags", linking, f"{MODULE}@v{VERSION}"]
    with log.open("wb") as output:
        ended = subprocess.run(
            command,
            env=environment,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        tail = log.read_text("utf-8", "replace").splitlines()[-3:]
        raise NoServerError(f"Ollama could not be compiled: {' / '.join(tail)} (log: {log})")
    (scratch / "bin" / "ollama").replace(build.program)


def _module_folder() -> str:
    """Where Go keeps the module that carries the audio header."""
    command = ["go", "mod", "download", "-json", AUDIO_MODULE]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        facts = json.loads(ended.stdout)
        return str(facts["Dir"])
    except (ValueError, KeyError):
        reason = ended.stdout.strip() or ended.stderr.strip()
        raise NoServerError(f"Go could not fetch {AUDIO_MODULE}: {reason[-200:]}") from None


def main() -> int:
    """Build the server if need be and print its path."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        print(ensure())
    except NoServerError as reason:
        print(f"no Ollama server: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
