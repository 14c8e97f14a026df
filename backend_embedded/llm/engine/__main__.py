"""Brings llama.cpp into this Python: `python -m backend_embedded.llm.engine [--cache DIR] [--json]`.

Progress on stdout (JSON objects one a line with `--json`), exit 0 when `llama_cpp` can be imported afterwards.
Standard library only. SIGTERM, or the end of stdin with `--json`, cancels and takes all compilers along.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from backend_embedded.llm.engine.build import EngineBuild, Progress, pinned_version
from backend_embedded.llm.engine.cache import EngineCache, default_root
from backend_embedded.llm.engine.compile import end_with_parent
from backend_embedded.llm.engine.failures import BuildError
from backend_embedded.llm.engine.presence import installed_version


class CancelledError(BaseException):
    """SIGTERM came, or the parent closed stdin."""


@contextlib.contextmanager
def cancelled_by_signal(watch_stdin: bool) -> Iterator[None]:
    """Raise `CancelledError` here at SIGTERM, at Ctrl-C, and when stdin ends if that is watched."""

    def cancel(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise CancelledError

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    end_with_parent()
    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGINT, cancel)
    if watch_stdin:
        threading.Thread(target=watch, name="stdin", daemon=True).start()
    yield


def print_json(**facts: object) -> None:
    """One object on a line of its own; nobody may be there any more to read it."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def print_progress(progress: Progress) -> None:
    """One line for people: each phase, and of the steps every tenth."""
    if progress.steps == 0:
        sys.stdout.write(f"Engine: {progress.phase}\n")
    elif progress.step % 10 == 0 or progress.step == progress.steps:
        sys.stdout.write(f"Engine: {progress.phase} {progress.step}/{progress.steps}\n")
    sys.stdout.flush()


def report_json(progress: Progress) -> None:
    """The progress as an object."""
    print_json(phase=progress.phase, step=progress.step, steps=progress.steps)


def main() -> int:
    """Bring the engine in; 0 when it is there, 130 when cancelled, else 1."""
    parser = argparse.ArgumentParser(prog="engine", description="Install or compile the local engine.")
    parser.add_argument("--cache", type=Path, default=default_root(), help="where the wheel is kept")
    parser.add_argument("--json", action="store_true", help="one JSON object a line; ends when stdin does")
    arguments = parser.parse_args()
    tail: deque[str] = deque()
    try:
        with cancelled_by_signal(arguments.json):
            build = EngineBuild(
                EngineCache(arguments.cache, pinned_version()),
                report_json if arguments.json else print_progress,
            )
            tail = build.tail
            build.run()
    except BuildError as error:
        return report_failure(error.failure, error.message, tail, arguments.json, 1)
    except CancelledError:
        return report_failure("cancelled", "The build was cancelled.", tail, arguments.json, 130)
    if arguments.json:
        print_json(done=True, version=installed_version())
    return 0


def report_failure(failure: str, message: str, tail: deque[str], as_json: bool, status: int) -> int:
    """Say how it ended; gives the exit status back."""
    if as_json:
        print_json(failure=failure, message=message, tail=list(tail))
    else:
        sys.stdout.write("".join(f"    {line}\n" for line in tail) + f"Engine: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
