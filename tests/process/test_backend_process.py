"""The backend as a process: its one line, its ways out, its lock, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from own_time import ends
from program import wait_for

TOKEN = "process-test-token"
LEAVE_S = 2.0


def paths_of(home: Path) -> dict[str, str]:
    return {name: str(home / name) for name in ("config", "data", "state", "cache", "models", "run")}


def launch_line(home: Path, **more: Any) -> bytes:
    return json.dumps({"paths": paths_of(home), "token": TOKEN, **more}).encode() + b"\n"


@contextmanager
def backend(home: Path, **more: Any) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A backend of `home` and its line; killed at the end if it is still there."""
    # No model is loaded ahead: these tests are about the process.
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "backend.json").write_text('{"keep_alive_s": 0}')
    process = subprocess.Popen(
        [sys.executable, "-m", "backend_embedded"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(launch_line(home, **more))
        process.stdin.flush()
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def status(url: str, token: str = TOKEN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{url}/api/v1/status", headers=headers, trust_env=False, timeout=30)


def test_one_line_then_it_serves_until_stdin_ends(tmp_path: Path) -> None:
    with backend(tmp_path) as (process, line):
        assert line["ready"] is True
        assert line["pid"] == process.pid
        assert status(line["url"]).status_code == 200
        assert status(line["url"], "wrong").status_code == 401
        token = tmp_path / "run" / "token"
        assert token.read_text() == TOKEN
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert json.loads((tmp_path / "run" / "backend.json").read_text())["url"] == line["url"]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert ends(process, LEAVE_S) == 0
        assert process.stdout.read() == b""
        assert not token.exists()
    lines = [json.loads(text) for text in (tmp_path / "state" / "backend.log").read_text().splitlines()]
    assert {"timestamp", "level", "service", "correlation_id", "message", "context"} <= lines[-1].keys()
    assert not [said for said in lines if said["level"] not in ("INFO", "DEBUG")]
    asked = next(said for said in lines if said["message"].startswith("GET /api/v1/status 200"))
    assert asked["correlation_id"] == asked["context"]["request_id"] != ""
    assert TOKEN not in (tmp_path / "state" / "backend.log").read_text()


def test_sigterm_drains_open_streams_and_leaves_0(tmp_path: Path) -> None:
    with backend(tmp_path, leave_at_eof=False) as (process, line):
        assert process.stdin is not None
        process.stdin.close()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with (
            httpx.Client(trust_env=False, verify=False, headers=headers, timeout=30) as client,
            client.stream("GET", f"{line['url']}/api/v1/events") as stream,
        ):
            lines = stream.iter_lines()
            while next(lines) != "event: snapshot":
                pass
            process.send_signal(signal.SIGTERM)
            assert ends(process, LEAVE_S) == 0
            assert [said for said in lines if said.startswith("event:")] == []


def test_a_second_backend_of_a_home_is_refused_with_the_firsts_address(tmp_path: Path) -> None:
    with backend(tmp_path) as (_, first):
        with backend(tmp_path) as (second, refused):
            assert ends(second, 5) == 1
            assert (refused["ready"], refused["url"]) == (False, first["url"])
        assert status(first["url"]).status_code == 200


def test_two_homes_have_two_ports_and_a_taken_port_is_refused(tmp_path: Path) -> None:
    with backend(tmp_path / "a") as (_, first), backend(tmp_path / "b") as (_, second):
        assert first["url"] != second["url"]
        port = int(first["url"].rsplit(":", 1)[1])
        with backend(tmp_path / "c", port=port) as (process, refused):
            assert ends(process, 5) == 1
            assert refused["ready"] is False
            assert str(port) in refused["reason"]


def test_a_killed_backend_leaves_the_home_usable(tmp_path: Path) -> None:
    with backend(tmp_path) as (process, first):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{first['url']}/api/v1/conversations"
        assert (
            httpx.post(url, json={"title": "Kept"}, headers=headers, trust_env=False, timeout=30).status_code
            == 201
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
    with backend(tmp_path) as (_, second):
        url = f"{second['url']}/api/v1/conversations"
        found = httpx.get(url, headers=headers, trust_env=False, timeout=30).json()["data"]
        assert [conversation["title"] for conversation in found] == ["Kept"]


def test_a_line_that_is_no_configuration_is_refused() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "backend_embedded"], input=b"hello\n", capture_output=True, timeout=60
    )
    assert process.returncode == 1
    assert json.loads(process.stdout)["ready"] is False


def test_a_store_that_cannot_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "control-center.db").write_bytes(b"not a database at all " * 100)
    with backend(tmp_path) as (process, refused):
        assert ends(process, 5) == 1
        assert "control-center.db" in refused["reason"]


def test_no_backend_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-m", "backend_embedded"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        child.stdin.write(sys.argv[1].encode()); child.stdin.flush()
        sys.stdout.write(child.stdout.readline().decode()); sys.stdout.flush()
        sys.stdin.read()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, launch_line(tmp_path).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_for("the backend's end", lambda: not lives(pid), LEAVE_S)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_backend_imports_no_engine_and_no_window() -> None:
    code = (
        "import sys, backend_embedded.run\n"
        "print([n for n in ('numpy', 'llama_cpp', 'PySide6', 'qasync', 'alembic') if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]", os.fspath(found.stdout)
