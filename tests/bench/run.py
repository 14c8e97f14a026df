"""`make bench`: takes every figure, prints them as a table, writes `build/bench.json`.

`run.py [ID...]` takes only those; `--services` (`make bench-services`) takes those that need real servers and
leaves the others in the file; `--strict` leaves with 1 when a target is missed. A figure that cannot be taken is
told, and leaves with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import cache_figures  # noqa: E402
import chat_figures  # noqa: E402
import door_figures  # noqa: E402
import download_figures  # noqa: E402
import ollama_figures  # noqa: E402
import queue_figures  # noqa: E402
import search_figures  # noqa: E402
import start_figures  # noqa: E402
import store_figures  # noqa: E402
from measure import Measure  # noqa: E402
from served import Served, serving  # noqa: E402

CHAT: dict[str, Callable[[Served], Awaitable[list[Measure]]]] = {
    "chat-throughput": chat_figures.throughput,
    "chat-first-token": chat_figures.first_token,
    "chat-four": chat_figures.four,
    "chat-prefix": chat_figures.prefix,
    "chat-stop": chat_figures.stop,
    "doors": door_figures.doors,
    "ollama-decode": ollama_figures.decode,
    "ollama-first-token": ollama_figures.first_token,
    "failover": ollama_figures.failover,
}
WINDOW: dict[str, Callable[[], Awaitable[list[Measure]]]] = {
    "start-paint": start_figures.start,
    "start-ready": start_figures.start,
    "idle": start_figures.idle,
    "download": download_figures.download,
    "search": search_figures.search,
    "queue-embedded": queue_figures.embedded,
    "cache-read": cache_figures.cache_read,
    "store-insert": store_figures.sqlite_insert,
    "api-rate": store_figures.api_rate,
}
SERVICES: dict[str, Callable[[], Awaitable[list[Measure]]]] = {
    "queue-rabbitmq": queue_figures.rabbitmq,
    "store-insert-postgresql": store_figures.postgres_insert,
    "failover-queue": queue_figures.failover,
    "failover-cache": cache_figures.cache_failover,
}
"""Where real servers are: `make bench-services`."""
FRAMES = "ui-frame"
HISTORY = "history"


class Bench:
    """Collects figures and what went wrong."""

    def __init__(self, wanted: list[str], *, services: bool = False) -> None:
        self.wanted = wanted or ([*SERVICES] if services else [*CHAT, FRAMES, HISTORY, *WINDOW])
        self.results: list[dict[str, Any]] = []
        self.failures: list[str] = []

    async def take(self, name: str, measuring: Awaitable[list[Measure]]) -> None:
        """Take one figure; a failure does not stop the others."""
        print(f"bench: {name} …", file=sys.stderr, flush=True)
        try:
            self.results += [measure.facts() for measure in await measuring]
        except Exception as error:
            self.failures.append(f"{name}: {type(error).__name__}: {error}")

    async def run(self) -> None:
        """Take all that is wanted."""
        chat = [name for name in CHAT if name in self.wanted]
        if chat:
            with TemporaryDirectory(prefix="sutazai-bench-") as home:
                try:
                    async with serving(Path(home)) as served:
                        for name in chat:
                            await self.take(name, CHAT[name](served))
                except Exception as error:
                    self.failures.append(f"the backend: {type(error).__name__}: {error}")
        if FRAMES in self.wanted:
            await self.take(FRAMES, frames())
        if HISTORY in self.wanted:
            await self.take(HISTORY, history())
        alone = WINDOW | SERVICES
        for function in dict.fromkeys(alone[name] for name in alone if name in self.wanted):
            await self.take(function.__name__, function())


async def frames() -> list[Measure]:
    """Streaming into the window."""
    facts = await told_by("chat_frames.py")
    return [Measure(FRAMES, facts["value"], "ms", 16.7, baseline=facts.get("baseline", ""))]


async def history() -> list[Measure]:
    """A long conversation in the window."""
    facts = await told_by("history_figures.py")
    scrolled = f"scrolled over {facts['loaded']} of 5,000 messages"
    return [
        Measure(HISTORY, facts["open_ms"], "ms", 150, baseline="5,000 messages, opened and painted"),
        Measure(f"{HISTORY}-scroll", facts["frame_ms"], "ms", 16.7, baseline=scrolled),
    ]


async def told_by(script: str) -> dict[str, Any]:
    """Figures of the window, taken in a process of its own that prints them as its last line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name(script)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{script} ended with {process.returncode}")
    facts: dict[str, Any] = json.loads(output.decode().strip().splitlines()[-1])
    return facts


def table(results: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| id | value | target | holds | baseline |", "|---|---|---|---|---|"]
    for one in results:
        holds = "yes" if one["holds"] else "NO"
        unit = "" if one["unit"] == "×" else f" {one['unit']}"
        lines.append(
            f"| {one['id']} | {one['value']:.3g}{unit} | {one['target']} | {holds} | {one['baseline']} |"
        )
    return "\n".join(lines)


def others(file: Path, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Figures that are in the file and were not taken now."""
    if not file.exists():
        return []
    taken = {one["id"] for one in results}
    return [one for one in json.loads(file.read_text()) if one["id"] not in taken]


def main() -> int:
    """Take the figures that were asked for."""
    parser = argparse.ArgumentParser(description="Measure the program.")
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these figures")
    parser.add_argument("--services", action="store_true", help="those that need real servers")
    parser.add_argument("--strict", action="store_true", help="leave with 1 when a target is missed")
    arguments = parser.parse_args()
    unknown = set(arguments.ids) - {*CHAT, *WINDOW, *SERVICES, FRAMES, HISTORY}
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    bench = Bench(arguments.ids, services=arguments.services)
    asyncio.run(bench.run())
    (ROOT / "build").mkdir(exist_ok=True)
    file = ROOT / "build" / "bench.json"
    kept = others(file, bench.results) if arguments.services else []
    file.write_text(json.dumps(kept + bench.results, indent=2, ensure_ascii=False) + "\n")
    print(table(bench.results))
    for failure in bench.failures:
        print(f"bench: not taken: {failure}")
    missed = arguments.strict and not all(one["holds"] for one in bench.results)
    return 1 if bench.failures or missed else 0


if __name__ == "__main__":
    sys.exit(main())
