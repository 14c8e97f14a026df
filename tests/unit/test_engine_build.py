"""The build tells apart why there is no engine, and leaves nothing behind when it is cancelled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backend_embedded.llm.engine import build as engine_build
from backend_embedded.llm.engine.build import EngineBuild, Progress
from backend_embedded.llm.engine.cache import EngineCache
from backend_embedded.llm.engine.failures import BuildError

VERSION = "0.0.1"


class Recorder:
    """Progress as it was reported."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)


def build(tmp_path: Path, python: str = sys.executable) -> EngineBuild:
    return EngineBuild(EngineCache(tmp_path / "cache", VERSION), Recorder(), python=python)


def failure_of(run: EngineBuild) -> BuildError:
    with pytest.raises(BuildError) as raised:
        run.run()
    return raised.value


def fake_python(tmp_path: Path, script: str) -> str:
    """A program that stands for the Python whose pip is used."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    error = failure_of(build(tmp_path))
    assert error.failure == "no_compiler"
    assert "g++" in error.message


def test_compiler_that_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", shutil.which("false") or "false")
    assert failure_of(build(tmp_path)).failure == "no_compiler"


def test_disk_full_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_build, "SPACE_NEEDED_BYTES", 1 << 60)
    error = failure_of(build(tmp_path))
    assert error.failure == "disk_full"
    assert "MB" in error.message


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("ERROR: [Errno 28] No space left on device", "disk_full"),
        ("WARNING: Retrying: Temporary failure in name resolution", "no_source"),
        ("ERROR: Could not find a version that satisfies the requirement", "no_source"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "other"),
    ],
)
def test_what_pip_says_is_told_apart(tmp_path: Path, printed: str, failure: str) -> None:
    python = fake_python(tmp_path, f'[ "$2" = venv ] && exit 0\necho "{printed}"\nexit 1')
    run = build(tmp_path, python)
    assert failure_of(run).failure == failure
    assert printed in run.tail


def test_no_cmake_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = fake_python(tmp_path, 'case "$*" in *cmake.txt*) echo "No matching distribution"; exit 1;; esac')
    monkeypatch.setattr(engine_build, "system_cmake", lambda: None)
    assert failure_of(build(tmp_path, python)).failure == "no_cmake"


def test_ninja_lines_are_steps(tmp_path: Path) -> None:
    recorder = Recorder()
    printed = "[12/210] Building CXX object ggml.cpp.o\\n[not a step]"
    python = fake_python(tmp_path, f"printf '{printed}\\n'; exit 1")
    failure_of(EngineBuild(EngineCache(tmp_path / "cache", VERSION), recorder, python=python))
    assert recorder.seen == [Progress("fetching"), Progress("compiling", 12, 210)]


def test_leftovers_of_a_killed_build_are_removed(tmp_path: Path) -> None:
    (tmp_path / "cache" / "build-dead" / "source").mkdir(parents=True)
    python = fake_python(tmp_path, "exit 1")
    failure_of(build(tmp_path, python))
    assert list((tmp_path / "cache").glob("build-*")) == []


def test_pinned_version_is_the_pin_files() -> None:
    assert engine_build.pinned_version().count(".") == 2


def start_build(tmp_path: Path) -> subprocess.Popen[str]:
    """The real command with a pip that never ends (its child, a sleep, would outlive it)."""
    code = (
        "import sys; from pathlib import Path; from backend_embedded.llm.engine import build as b, __main__ as m;"
        "b.installed_version = lambda: None;"
        f"b.EngineBuild.__init__.__defaults__ = (b.PINS, {fake_python(tmp_path, 'echo up; sleep 300 & wait')!r});"
        f"sys.argv = ['b', '--json', '--cache', {str(tmp_path / 'cache')!r}]; sys.exit(m.main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("how", ["signal", "eof"])
def test_cancelled_build_leaves_nothing(tmp_path: Path, how: str) -> None:
    process = start_build(tmp_path)
    assert process.stdin is not None
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["phase"] == "fetching"
    if how == "signal":
        os.kill(process.pid, signal.SIGTERM)
    else:
        process.stdin.close()
    rest = process.stdout.read().splitlines()
    assert json.loads(rest[-1])["failure"] == "cancelled"
    assert process.wait(10) == 130
    process.stdin.close()
    process.stdout.close()
    assert list((tmp_path / "cache").glob("build-*")) == []
