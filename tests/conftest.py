"""What every test is held to: no warning, no unexpected log line, nothing left running."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import psutil
import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.pop("SUTAZAI_HOME", None)

PATIENCE_S = 10.0

# The same examples in every run, however slow the machine; `make soak` has other ones each time.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "others", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("same")


class Warned(logging.Handler):
    """Keeps the log lines at WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


class AllowedLogs:
    """Patterns of the log lines that a test brings about on purpose."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = list(patterns)

    def __call__(self, pattern: str) -> None:
        """Expect log lines that match a regular expression."""
        self.patterns.append(pattern)

    def unexpected(self, lines: list[str]) -> list[str]:
        """The lines that nothing allows."""
        return [line for line in lines if not any(re.search(pattern, line) for pattern in self.patterns)]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "allow_logs(*patterns): log lines at WARNING and above that are meant")
    config.addinivalue_line(
        "markers", "leaves(*kinds): what may be left running: threads, children, tasks, qt"
    )
    config.addinivalue_line("markers", "services: needs a real outside server; run by `make test-services`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.fixturenames.insert(0, "no_task_left")


@pytest.fixture
def allow_logs(request: pytest.FixtureRequest) -> AllowedLogs:
    """Call it with a regular expression to allow the lines that match; so does the marker of this name."""
    return AllowedLogs(tuple(p for mark in request.node.iter_markers("allow_logs") for p in mark.args))


@pytest.fixture(autouse=True)
def no_unexpected_log(allow_logs: AllowedLogs) -> Iterator[None]:
    """Fail a test that logged a warning or an error that it did not announce."""
    handler = Warned()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    unexpected = allow_logs.unexpected(handler.lines)
    if unexpected:
        pytest.fail("unexpected log lines:\n" + "\n".join(unexpected), pytrace=False)


def may_leave(request: pytest.FixtureRequest) -> set[str]:
    """The kinds that the test's marker `leaves` names."""
    return {kind for mark in request.node.iter_markers("leaves") for kind in mark.args}


def once_gone(left: Callable[[], list[str]]) -> list[str]:
    """What is still there when all that was ending has had the time to."""
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE_S
    while left() and time.monotonic() < deadline:
        pause.wait(0.02)
    return left()


@pytest.fixture(autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread or a child process behind."""
    allowed = may_leave(request)
    threads = set(threading.enumerate())
    me = psutil.Process()
    children = set(me.children(recursive=True))

    def left() -> list[str]:
        found: list[str] = []
        if "threads" not in allowed:
            found += [f"thread {t.name}" for t in threading.enumerate() if t not in threads and t.is_alive()]
        if "children" not in allowed:
            new = [child for child in me.children(recursive=True) if child not in children]
            found += [f"process {child.pid}" for child in new if child.is_running()]
        return found

    yield
    leftovers = once_gone(left)
    if leftovers:
        pytest.fail("left running: " + ", ".join(leftovers), pytrace=False)


@pytest.fixture
async def no_task_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fail a coroutine test that leaves a task behind (put first on each by the hook above)."""
    before = asyncio.all_tasks()
    yield
    if "tasks" in may_leave(request):
        return
    deadline = time.monotonic() + PATIENCE_S
    while (left := running_tasks(before)) and time.monotonic() < deadline:
        await asyncio.wait(left, timeout=0.05)
    if left:
        pytest.fail("tasks left: " + ", ".join(str(task) for task in left), pytrace=False)


def running_tasks(before: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    """Tasks of this loop that are neither older than the test nor the one that asks."""
    return {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}


@pytest.fixture(autouse=True)
def nothing_left_in_qt(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a widget test that leaves a timer, a thread or a shown window behind."""
    yield
    uses_qt = {"qapp", "qtbot", "qapp_cls"} & set(request.fixturenames)
    if not uses_qt or "qt" in may_leave(request):
        return
    leftovers = qt_leftovers()
    if leftovers:
        gc.collect()
        leftovers = qt_leftovers()
    if leftovers:
        pytest.fail("left in Qt: " + ", ".join(leftovers), pytrace=False)


def qt_leftovers() -> list[str]:
    """Running timers and threads and visible windows, each in words."""
    import shiboken6
    from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
    from PySide6.QtWidgets import QApplication

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    found: list[str] = []
    for thing in gc.get_objects():
        kind = type(thing)
        if not issubclass(kind, QTimer | QThread) or not shiboken6.isValid(thing):
            continue
        if issubclass(kind, QTimer) and thing.isActive():
            found.append(f"timer of {thing.parent()!r}")
        elif issubclass(kind, QThread) and thing.isRunning() and thing is not QThread.currentThread():
            found.append(f"thread {thing!r}")
    found += [f"window {w!r}" for w in QApplication.topLevelWidgets() if w.isVisible()]
    return found
