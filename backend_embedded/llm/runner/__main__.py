"""Entry of the runner process: takes stdin and stdout over, loads the model, serves, leaves at EOF."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, BinaryIO

from backend_embedded.llm.runner.bindings import load_bindings
from backend_embedded.llm.runner.protocol import (
    LoadFailed,
    Ready,
    RequestFailed,
    RunnerEvent,
    decode_command,
    decode_config,
    encode,
)
from backend_embedded.llm.runner.service import Received, Service, received

PR_SET_PDEATHSIG = 1
LOG_LEVEL_WARNING = 3
LOG_LEVEL_ERROR = 4
LOG_LINES = 200


def main() -> int:
    """Serve until stdin closes; 1 if the model cannot be loaded."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the parent's to answer
    output = _take_stdout()
    config_line = sys.stdin.buffer.readline()
    if not config_line:
        return 0
    config = decode_config(config_line)
    inbox: SimpleQueue[Received] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, inbox), name="commands", daemon=True).start()
    emit = _emitter(output)
    log: list[str] = []
    started_s = time.monotonic()
    try:
        bindings = load_bindings()
        keep_alive = _keep_log(bindings.llama, log)
        service = Service(bindings, config, log, emit)
    except (ImportError, OSError) as error:
        emit(
            LoadFailed(
                "ENGINE_MISSING", f"llama.cpp cannot be loaded: {error}", "Build the engine again.", {}
            )
        )
        return 1
    except RequestFailed as failure:
        emit(LoadFailed(failure.code, failure.message, failure.remedy or "", failure.details))
        return 1
    emit(Ready(os.getpid(), service.context_size, (time.monotonic() - started_s) * 1000))
    try:
        service.serve(inbox)
    finally:
        del keep_alive
    return 0


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _take_stdout() -> int:
    """Keep the real stdout for events, and send whatever else is printed to stderr."""
    output = os.dup(1)
    os.set_inheritable(output, False)
    os.dup2(2, 1)
    return output


def _emitter(output: int) -> Callable[[RunnerEvent], None]:
    def emit(event: RunnerEvent) -> None:
        data = memoryview(encode(event))
        try:
            while data:
                data = data[os.write(output, data) :]
        except OSError:
            os._exit(0)  # the backend is gone

    return emit


def _read(stream: BinaryIO, inbox: SimpleQueue[Received]) -> None:
    """Take commands in until the backend closes stdin or is gone; then the process ends at once."""
    for line in stream:
        try:
            inbox.put(received(decode_command(line)))
        except (ValueError, KeyError, TypeError) as error:
            print(f"a command that cannot be read: {error}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(0)


def _keep_log(llama: Any, log: list[str]) -> object:
    """Send llama.cpp's warnings and errors to stderr and keep them; returns what must stay alive."""

    def take(level: int, text: bytes, _data: object) -> None:
        if level in (LOG_LEVEL_WARNING, LOG_LEVEL_ERROR):
            line = text.decode("utf-8", "replace").rstrip()
            log.append(line)
            del log[:-LOG_LINES]
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    callback = llama.llama_log_callback(take)
    llama.llama_log_set(callback, None)
    return callback


if __name__ == "__main__":
    # Without the interpreter's shutdown: the reading thread still waits on stdin.
    os._exit(main())
