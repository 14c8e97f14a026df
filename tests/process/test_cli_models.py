"""`sutazai models …` as a user types it: real processes, a real backend, a server that is near."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from program import wait_for
from unruly_server import UnrulyServer, model_bytes, unruly

DATA = model_bytes()
INTERRUPTIBLE = ("env", "--default-signal=INT")
SUTAZAI = [sys.executable, "-m", "app"]
LIMIT_S = 60


@pytest.fixture
def files() -> Iterator[UnrulyServer]:
    with unruly() as server:
        server.files["/small.gguf"] = DATA
        yield server


def models(*words: str, home: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*SUTAZAI, "models", *words, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


@contextmanager
def a_backend(home: Path) -> Iterator[None]:
    """One that runs, so that the commands start none of their own."""
    child = subprocess.Popen(
        [*SUTAZAI, "--home", str(home), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert child.stdout is not None
    with child.stdout:
        try:
            assert json.loads(child.stdout.readline())["ready"] is True
            yield
        finally:
            child.terminate()
            child.wait(20)


def test_models_are_pulled_shown_imported_and_removed(files: UnrulyServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "mine.gguf").write_bytes(DATA)
    with a_backend(home):
        assert "small is here" in models("pull", f"{files.url}/small.gguf", home=home).stdout
        assert (home / "models" / "small.gguf").read_bytes() == DATA
        shown = json.loads(models("show", "small", "--json", home=home).stdout)
        assert (shown["model"]["name"], shown["frees_bytes"]) == ("small", len(DATA))
        again = models("pull", f"{files.url}/small.gguf", home=home, status=1)
        assert "already" in again.stderr
        assert again.stderr.count("\n") == 1
        imported = models("import", str(tmp_path / "mine.gguf"), "--name", "other", "--json", home=home)
        assert json.loads(imported.stdout)["state"] == "done"
        listed = {one["name"]: one for one in json.loads(models("list", "--json", home=home).stdout)}
        assert {"small", "other"} <= set(listed)
        freed = json.loads(models("remove", "other", "--json", home=home).stdout)
        assert freed == {"name": "other", "freed_bytes": len(DATA)}
        starter = next(name for name, one in listed.items() if one["source"] == "starter")
        assert "on board" in models("remove", starter, home=home, status=1).stderr


def test_what_means_nothing_is_told_in_one_line(files: UnrulyServer, tmp_path: Path) -> None:
    for words in (("pull", "https://example.org/a.zip"), ("pull", f"{files.url}/none.gguf")):
        refused = models(*words, home=tmp_path, status=1)
        assert refused.stderr.count("\n") == 1
        assert refused.stderr.startswith("sutazai: ")


def test_ctrl_c_pauses_and_the_same_command_goes_on(files: UnrulyServer, tmp_path: Path) -> None:
    files.manners.hold = hold = threading.Event()
    child = subprocess.Popen(
        [*INTERRUPTIBLE, *SUTAZAI, "models", "pull", f"{files.url}/small.gguf", "--home", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    with child.stderr:
        wait_for("half has come", files.halfway.is_set, timeout_s=30)
        (state,) = (tmp_path / "models" / ".downloads").glob("*.json")
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
        said = child.stderr.read()
    assert "Go on with: sutazai models pull" in said
    assert "Traceback" not in said
    assert json.loads(state.read_text())["running"] is False
    hold.set()
    assert models("pull", f"{files.url}/small.gguf", home=tmp_path).returncode == 0
    assert (tmp_path / "models" / "small.gguf").read_bytes() == DATA
