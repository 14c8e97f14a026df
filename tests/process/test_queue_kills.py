"""kill -9 of a process that publishes and handles messages: nothing that was safe is lost, nothing done twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from queue_load import Loaded, loaded
from queue_stage import until
from real_rabbitmq import real_rabbitmq

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("SUTAZAI_QUEUE_KILLS", "20"))
PROGRAM = ROOT / "tests" / "harness" / "queue_load.py"


def killed_after(folder: Path, count: int, setting: str = "embedded") -> list[str]:
    """Run the program until it has said so many ids and kill it; all ids that it said."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), setting],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        said = [process.stdout.readline() for _ in range(count)]
        process.kill()
        said += process.stdout.readlines()
    # The last line may be cut off.
    return [line.strip() for line in said if line.endswith("\n")]


async def handled(there: Loaded) -> None:
    """Return when everything was."""

    async def nothing_waits() -> bool:
        return await there.waiting() == 0

    await until(nothing_waits, 60 + 5 * ROUNDS)


@pytest.mark.timeout(240 + 20 * ROUNDS)
async def test_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    chance = random.Random(ROUNDS)
    async with loaded(tmp_path, "embedded"):
        pass  # the tables are made, so that a round is short
    safe: list[str] = []
    for _ in range(ROUNDS):
        safe += killed_after(tmp_path, chance.choice([1, 5, 40, 150]))
    async with loaded(tmp_path, "embedded") as there:
        await handled(there)
        effects = await there.effects()
        assert (await there.queue.dead_letters()).total == 0
    assert len(safe) == len(set(safe)) >= ROUNDS
    assert set(safe) - set(effects) == set()
    assert {own: count for own, count in effects.items() if count != 1} == {}


@pytest.mark.services
@pytest.mark.timeout(480 + 20 * ROUNDS)
async def test_nor_with_a_real_broker(tmp_path: Path) -> None:
    with real_rabbitmq() as server:
        async with loaded(tmp_path, server.url) as there:
            await until(lambda: connected(there), 60)
        safe: list[str] = []
        for _ in range(ROUNDS):
            safe += killed_after(tmp_path, random.Random(len(safe)).choice([1, 5, 40, 100]), server.url)
        async with loaded(tmp_path, server.url) as there:
            await until(lambda: connected(there), 60)
            await handled(there)
            effects = await there.effects()
            assert (await there.queue.dead_letters()).total == 0
    assert len(safe) == len(set(safe)) >= ROUNDS
    assert set(safe) - set(effects) == set()
    assert {own: count for own, count in effects.items() if count != 1} == {}


async def connected(there: Loaded) -> bool:
    return there.queue.capability().provider == "rabbitmq"
