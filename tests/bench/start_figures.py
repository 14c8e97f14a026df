"""The figures of the whole program: start to paint, start to ready, and what it uses when it does nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from measure import Measure, middle
from served import ROOT

from backend_embedded.contract.settings import SettingsPatch
from ui.client.backend import BackendClient

STARTS = 5
PATIENCE_S = 60.0
IDLE_S = 15.0
SETTLE_S = 5.0


@asynccontextmanager
async def desktop(home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program with a window that nobody sees; ended in order."""
    environment = os.environ | {"SUTAZAI_TRACE_START": "1", "QT_QPA_PLATFORM": "offscreen"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *["-m", "app", "--home", str(home)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.communicate(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def traced(process: asyncio.subprocess.Process, word: str, started: float) -> float:
    """Seconds from the start until the program says that it has come so far."""
    assert process.stdout is not None
    while line := await asyncio.wait_for(process.stdout.readline(), PATIENCE_S):
        if f'"trace": "{word}"' in line.decode(errors="replace"):
            return time.perf_counter() - started
    raise RuntimeError(f"the program ended before it was {word}")


async def start() -> list[Measure]:
    """Cold process, warm page cache: the first start is not counted."""
    painted, ready = [], []
    with TemporaryDirectory(prefix="sutazai-bench-") as name:
        for _ in range(STARTS + 1):
            started = time.perf_counter()
            async with desktop(Path(name)) as process:
                painted.append(await traced(process, "painted", started))
                ready.append(await traced(process, "chat_ready", started))
    many = f"median of {STARTS} starts, worst"
    return [
        Measure("start-paint", middle(painted[1:]), "s", 0.6, baseline=f"{many} {max(painted[1:]):.2f} s"),
        Measure("start-ready", middle(ready[1:]), "s", 3.0, baseline=f"{many} {max(ready[1:]):.2f} s"),
    ]


async def idle() -> list[Measure]:
    """All processes of the program with the model unloaded and nobody at the keyboard."""
    with TemporaryDirectory(prefix="sutazai-bench-") as name:
        home = Path(name)
        started = time.perf_counter()
        async with desktop(home) as process:
            await traced(process, "chat_ready", started)
            await unload(home)
            await asyncio.sleep(SETTLE_S)
            tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            before = sum(sum(one.cpu_times()[:2]) for one in tree)
            await asyncio.sleep(IDLE_S)
            used = sum(sum(one.cpu_times()[:2]) for one in tree) - before
            resident = sum(one.memory_info().rss for one in tree) / 1e6
            own = sum(one.memory_full_info().pss for one in tree) / 1e6
    what = f"{len(tree)} processes over {IDLE_S:.0f} s"
    return [
        Measure("idle", 100 * used / IDLE_S, "%", 1.0, baseline=what),
        Measure("idle", resident, "MB", 350, baseline=f"{what}; {own:.0f} MB when shared pages count once"),
    ]


async def unload(home: Path) -> None:
    """Have the model leave memory and stay away."""
    record = json.loads((home / "run" / "backend.json").read_text())
    client = BackendClient(record["url"], (home / "run" / "token").read_text().strip())
    try:
        for model in await client.models():
            if model.loaded:
                await client.unload_model(model.name)
        await client.patch_settings(SettingsPatch(keep_alive_s=1))
    finally:
        await client.aclose()
