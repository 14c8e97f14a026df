"""The command line as a user types it: real processes, a real backend, the real model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from own_time import ends
from program import gone, wait_for

INTERRUPTIBLE = ("env", "--default-signal=INT")
"""A shell without job control starts background jobs, and so all below them, with SIGINT ignored."""
LONG = "Write the numbers from 1 to 1000, one per line."
SUTAZAI = [sys.executable, "-m", "app"]
LIMIT_S = 90


def sutazai(*words: str, home: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*SUTAZAI, *words, "--home", str(home)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == status, done.stderr
    return done


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, object]]]:
    child = subprocess.Popen(
        [*SUTAZAI, "--home", str(home), "serve", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert child.stdout is not None
        yield child, json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.wait(10)
        assert child.stdout is not None
        child.stdout.close()


@pytest.mark.parametrize(
    "words",
    [
        ["chat"],
        ["chat", "  "],
        ["chat", "x", "--temperature", "9"],
        ["chat", "x", "--max-tokens", "0"],
        ["chat", "x", "--seed", "-1"],
        ["serve", "--port", "70000"],
        ["models"],
        ["fly"],
    ],
)
def test_usage_errors_leave_with_2(words: list[str], tmp_path: Path) -> None:
    done = sutazai(*words, home=tmp_path, status=2)
    assert "usage: sutazai" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_start_up_imports_nothing_heavy() -> None:
    code = (
        "import sys; from app.cli import parse; parse(['chat', 'x']); import app.desktop;"
        "print([m for m in ('pydantic', 'httpx', 'PySide6') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=LIMIT_S) == "[]\n"


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = sutazai("models", "list", home=tmp_path / "file", status=1)
    assert done.stderr.count("\n") == 1
    assert "--home" in done.stderr


def test_chat_starts_a_backend_for_the_time(tmp_path: Path) -> None:
    words = [
        "chat",
        "What is a container?",
        "--json",
        "--max-tokens",
        "24",
        "--seed",
        "7",
        "--temperature",
        "0",
    ]
    answer = json.loads(sutazai(*words, home=tmp_path).stdout)
    assert set(answer) == {
        "text",
        "provider",
        "model",
        "reason",
        "prompt_tokens",
        "completion_tokens",
        "queue_ms",
        "ttft_ms",
        "tokens_per_s",
        "finish_reason",
    }
    assert answer["text"].strip()
    assert 0 < answer["completion_tokens"] <= 24
    assert not (tmp_path / "run" / "backend.json").exists()
    assert sutazai(*words[:2], *words[3:], home=tmp_path).stdout.strip() == answer["text"].strip()


def test_commands_use_the_backend_that_runs(tmp_path: Path) -> None:
    with serving(tmp_path) as (child, ready):
        assert ready["ready"] is True
        assert ready["pid"] == child.pid
        assert (tmp_path / "run" / "token").stat().st_mode & 0o777 == 0o600
        models = json.loads(sutazai("models", "list", "--json", home=tmp_path).stdout)
        assert [model["default"] for model in models] == [True]
        assert "* SmolLM2" in sutazai("models", "list", home=tmp_path).stdout
        missing = sutazai("chat", "x", "--model", "no-such", home=tmp_path, status=1)
        assert "no-such" in missing.stderr
        assert missing.stderr.count("\n") == 1
        refused = sutazai("serve", home=tmp_path, status=1)
        assert json.loads(refused.stdout)["url"] == ready["url"]
        findings = json.loads(sutazai("doctor", "--json", home=tmp_path).stdout)
        backend = next(finding for finding in findings if finding["id"] == "backend")
        assert str(ready["url"]) in backend["meaning"]
        child.send_signal(signal.SIGTERM)
        assert ends(child, 10) == 0


def test_serve_outlives_the_end_of_its_stdin(tmp_path: Path) -> None:
    with serving(tmp_path) as (child, ready):
        assert httpx.get(f"{ready['url']}/health", trust_env=False, timeout=30).status_code == 200
        assert child.poll() is None


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_chat_ends_what_it_started(tmp_path: Path, number: int, status: int) -> None:
    child = subprocess.Popen(
        [*INTERRUPTIBLE, *SUTAZAI, "chat", LONG, "--temperature", "0", "--home", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdout, child.stderr:
        assert os.read(child.stdout.fileno(), 1)
        family = psutil.Process(child.pid).children(recursive=True)
        assert family
        child.send_signal(number)
        assert ends(child, 10) == status
        assert b"Traceback" not in child.stderr.read()
    assert gone(family, within_s=2)


def test_a_reader_that_goes_away_is_no_crash(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*INTERRUPTIBLE, *SUTAZAI, "chat", LONG, "--temperature", "0", "--home", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stderr:
        assert os.read(child.stdout.fileno(), 1)
        child.stdout.close()
        assert ends(child, 20) == 1
        assert b"Traceback" not in child.stderr.read()


def test_an_interrupted_chat_stops_the_engine_of_a_running_backend(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, ready):
        token = (tmp_path / "run" / "token").read_text().strip()
        child = subprocess.Popen(
            [*INTERRUPTIBLE, *SUTAZAI, "chat", LONG, "--temperature", "0", "--home", str(tmp_path)],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        with child.stdout:
            assert os.read(child.stdout.fileno(), 1)
            child.send_signal(signal.SIGINT)
            assert ends(child, 10) == 130
        headers = {"Authorization": f"Bearer {token}"}

        def cancelled() -> bool:
            text = httpx.get(f"{ready['url']}/metrics", headers=headers, trust_env=False, timeout=30).text
            return any("cancelled" in line and not line.endswith(" 0.0") for line in text.splitlines())

        wait_for("the engine has stopped", cancelled, timeout_s=5)
