"""The clock of tests stands still while the machine is busy, and goes on when it is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import own_time
import pytest
from own_time import Deadline, ends, kept_waiting_s, own_s, soon


def write_proc(folder: Path, cpu_us: int, io_us: int, steal_ticks: int) -> None:
    (folder / "pressure").mkdir(exist_ok=True)
    for name, total in (("cpu", cpu_us), ("io", io_us)):
        line = f"some avg10=1.00 avg60=0.50 avg300=0.62 total={total}\nfull avg10=0.00 total=7\n"
        (folder / "pressure" / name).write_text(line)
    (folder / "stat").write_text(f"cpu  1 2 3 4 5 6 7 {steal_ticks} 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n")


def test_waiting_is_what_the_kernel_tells(tmp_path: Path) -> None:
    write_proc(tmp_path, 2_500_000, 1_000_000, 3 * os.sysconf("SC_CLK_TCK"))
    assert kept_waiting_s(tmp_path) == 2.5 + 1 + 3
    (tmp_path / "stat").write_text("")
    assert kept_waiting_s(tmp_path) == 3.5
    assert kept_waiting_s(tmp_path / "nothing") == 0


def test_a_deadline_does_not_pass_while_the_machine_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, waited_s = 100.0, 50.0
    monkeypatch.setattr(own_time.time, "monotonic", lambda: now_s)
    monkeypatch.setattr(own_time, "kept_waiting_s", lambda: waited_s)
    deadline, began_s = Deadline(2), own_s()
    now_s, waited_s = 110.0, 59.0
    assert (deadline.passed, own_s() - began_s) == (False, 1)
    now_s = 111.5
    assert deadline.passed
    deadline = Deadline(2)
    now_s, waited_s = now_s + 61, waited_s + 100
    assert deadline.passed, "not for ever"


async def test_what_comes_soon_is_there_and_what_does_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_time, "kept_waiting_s", lambda: 0.0)
    assert await soon(asyncio.sleep(0, "there"), 1) == "there"
    with pytest.raises(AssertionError, match=r"not within 0\.1 s"):
        await soon(asyncio.Event().wait(), 0.1)


def test_the_end_of_a_process_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_time, "kept_waiting_s", lambda: 0.0)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read(); raise SystemExit(3)"], stdin=subprocess.PIPE
    ) as one:
        with pytest.raises(AssertionError, match="did not end"):
            ends(one, 0.1)
        assert one.stdin is not None
        one.stdin.close()
        assert ends(one, 10) == 3
