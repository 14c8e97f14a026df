"""Where log lines go: a rotating file and stderr, behind a queue, so that the loop never waits for a disk."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend_embedded.logs.context import current_request
from backend_embedded.logs.lines import JsonLineFormatter

FILE_BYTES = 5_000_000
FILES_KEPT = 5
CHATTY = ("alembic", "uvicorn", "asyncio", "httpx", "httpcore")


class _ContextQueueHandler(logging.handlers.QueueHandler):
    """Notes the request at the moment of logging: the thread that writes knows nothing of it."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Unlike its parent keeps the traceback, since the queue is in this process."""
        record.request = current_request.get()
        return record


@contextmanager
def logging_to(file: Path, service: str = "backend", level: int = logging.INFO) -> Iterator[None]:
    """Send all log lines of the process to `file` (rotated, 5 x 5 MB) and stderr until left."""
    file.parent.mkdir(parents=True, exist_ok=True)
    formatter = JsonLineFormatter(service)
    outputs: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(
            file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT - 1, encoding="utf-8"
        ),
        logging.StreamHandler(sys.stderr),
    ]
    for output in outputs:
        output.setFormatter(formatter)
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(lines, *outputs)
    entry = _ContextQueueHandler(lines)
    root = logging.getLogger()
    level_before = root.level
    root.addHandler(entry)
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(entry)
        root.setLevel(level_before)
        listener.stop()
        for output in outputs:
            output.close()
