"""The desktop as a process: it paints, gets its backend, survives its loss, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from own_time import ends
from program import Program, gone, running, wait_for
from screen import missing_tools, virtual_screen

BACKEND = "backend_embedded"


def steps(program: Program) -> dict[str, float]:
    found = [json.loads(line) for line in program.output().splitlines() if line.startswith('{"trace"')]
    return {one["trace"]: one["ms"] for one in found}


def chat_ready(program: Program) -> None:
    wait_for("the window knows", lambda: "chat_ready" in steps(program))


def backend(program: Program) -> psutil.Process:
    return wait_for("the backend runs", lambda: program.child(BACKEND))


def test_it_paints_first_and_leaves_in_order(tmp_path: Path) -> None:
    with running(Program(tmp_path / "home", SUTAZAI_TRACE_START="1")) as program:
        chat_ready(program)
        reached = steps(program)
        assert reached["painted"] < reached["backend_ready"] <= reached["chat_ready"]
        family = program.tree()
        assert program.stop() == 0
        assert gone(family, within_s=2)
        assert "Traceback" not in program.output()
        kept = json.loads((tmp_path / "home" / "config" / "desktop.json").read_text())
        assert kept["kept"]["window.page"] == "chat"


def test_it_leaves_at_once_when_told_during_its_start(tmp_path: Path) -> None:
    with running(Program(tmp_path / "home", SUTAZAI_TRACE_START="1")) as program:
        wait_for("it is painted", lambda: "painted" in steps(program))
        family = program.tree()
        assert program.stop() == 0
        assert gone(family, within_s=2)
        assert "Traceback" not in program.output()


def test_nothing_outlives_a_killed_desktop(tmp_path: Path) -> None:
    with running(Program(tmp_path / "home", SUTAZAI_TRACE_START="1")) as program:
        chat_ready(program)
        family = program.tree()
        assert len(family) >= 2
        assert program.process is not None
        program.process.kill()
        program.process.wait(5)
        assert gone(family, within_s=2)


def test_a_killed_backend_comes_back(tmp_path: Path) -> None:
    with running(Program(tmp_path / "home", SUTAZAI_TRACE_START="1")) as program:
        chat_ready(program)
        first = backend(program)
        first.kill()
        record = tmp_path / "home" / "run" / "backend.json"
        wait_for(
            "another backend serves",
            lambda: (found := program.child(BACKEND)) and json.loads(record.read_text())["pid"] == found.pid,
            timeout_s=4,
        )
        assert backend(program).pid != first.pid
        assert program.stop() == 0


def test_a_second_start_raises_the_first_window(tmp_path: Path) -> None:
    with running(Program(tmp_path / "home", SUTAZAI_TRACE_START="1")) as program:
        wait_for("it is painted", lambda: "painted" in steps(program))
        second = subprocess.run(
            [sys.executable, "-m", "app", "--home", str(program.home)],
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (second.returncode, second.stderr) == (0, "")
        assert program.stop() == 0


def test_it_uses_a_backend_that_serves_its_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    serve = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert serve.stdout is not None
        with serve.stdout:
            assert json.loads(serve.stdout.readline())["ready"]
        with running(Program(home, SUTAZAI_TRACE_START="1")) as program:
            chat_ready(program)
            assert program.child(BACKEND) is None
            serve.terminate()
            assert ends(serve, 10) == 0
            assert backend(program).pid != serve.pid
            assert program.stop() == 0
    finally:
        serve.kill()
        serve.wait(10)


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    done = subprocess.run(
        [sys.executable, "-m", "app", "--home", str(tmp_path)],
        env={name: value for name, value in os.environ.items() if name not in hidden},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no display" in done.stderr


@pytest.mark.parametrize("text", ["{", '{"theme": 7, "kept": {"window.geometry": "???"}}'])
def test_broken_preferences_do_not_keep_it_from_starting(tmp_path: Path, text: str) -> None:
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / "desktop.json").write_text(text)
    with running(Program(tmp_path / "home", SUTAZAI_TRACE_START="1")) as program:
        chat_ready(program)
        assert program.stop() == 0
        assert "Traceback" not in program.output()


def test_a_display_that_goes_away_is_told_in_one_line(tmp_path: Path) -> None:
    lacking = missing_tools()
    if lacking:
        pytest.skip(f"needs {', '.join(lacking)}")
    with ExitStack() as stack:
        display = ExitStack()
        stack.enter_context(display)
        screen = display.enter_context(virtual_screen())
        environment = {"DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb", "SUTAZAI_TRACE_START": "1"}
        program = stack.enter_context(running(Program(tmp_path / "home", **environment)))
        chat_ready(program)
        family = program.tree()
        display.close()
        assert program.process is not None
        assert ends(program.process, 15) == 1
        assert gone(family, within_s=2)
        assert "Traceback" not in program.output()
        assert "The display went away" in program.output()
