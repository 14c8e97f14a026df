"""The life of the window: painted first, then a backend is started, and all is ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import qasync
from PySide6.QtCore import Qt

from app.child import backend_command
from app.exits import FAILURE, complain
from app.generators import dropped_generators_closed
from app.main_window import MainWindow, open_application, open_main_window
from app.paths import HomePaths
from app.preferences import PreferenceStore, load
from app.single_instance import FirstInstance
from app.start_trace import StartTrace
from app.supervision import BackendState, Starting, Supervisor

if TYPE_CHECKING:
    from app.wiring import Wiring

PAINT_PATIENCE_S = 3.0
"""A window that is covered or minimised from the start is never painted."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SWITCH_INTERVAL_S = 0.001
"""So that a thread that imports or reads does not hold up a frame."""


def show_window(paths: HomePaths, first: FirstInstance, trace: StartTrace) -> int:
    """Show the window until it is closed; returns the exit status."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = open_application()
    chosen, notice = load(paths.config)
    with ThreadPoolExecutor(1, thread_name_prefix="desktop-files") as thread:
        notices = Notices([notice] if notice else [])
        preferences = PreferenceStore(paths.config, chosen, thread, notices.add_from_thread)
        window = open_main_window(application, preferences)
        life = WindowLife(paths, window, preferences, thread, trace, notices)
        application.aboutToQuit.connect(life.leave_without_display)
        qasync.run(life.run(first))
    return 0


class Notices:
    """Sentences for the user, kept until there is somebody to show them."""

    def __init__(self, waiting: list[str]) -> None:
        self._waiting = waiting
        self._tell: Callable[[str], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def show_by(self, tell: Callable[[str], None]) -> None:
        """From now on tell at once, what waits as well; called in the loop."""
        self._loop, self._tell = asyncio.get_running_loop(), tell
        for text in self._waiting:
            tell(text)
        self._waiting.clear()

    def add_from_thread(self, text: str) -> None:
        """Show a sentence as soon as possible."""
        if self._loop is None or self._tell is None:
            self._waiting.append(text)
            return
        # the loop is closed when the last write of all fails
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._tell, text)


class WindowLife:
    """Everything between the first paint and the last event of one window."""

    def __init__(
        self,
        paths: HomePaths,
        window: MainWindow,
        preferences: PreferenceStore,
        thread: ThreadPoolExecutor,
        trace: StartTrace,
        notices: Notices,
    ) -> None:
        self._paths = paths
        self._window = window
        self._preferences = preferences
        self._thread = thread
        self._trace = trace
        self._notices = notices
        self._state: BackendState = Starting()
        self._wiring: Wiring | None = None
        self._over = False

    def leave_without_display(self) -> None:
        """End at once when Qt leaves its loop before the window's life is over: its display is gone.

        Nothing can run any more in the loop; the backend sees that its stdin closes, and leaves in order.
        """
        if not self._over:
            complain("The display went away. Everything that was sent is kept; start the program again.")
            os._exit(FAILURE)

    async def run(self, first: FirstInstance) -> None:
        """Show the window; returns when it was closed and everything it started has ended."""
        closing = asyncio.Event()
        self._window.shell.closing.connect(closing.set)
        try:
            async with dropped_generators_closed():
                await self._live(first, closing)
        finally:
            self._over = True

    async def _live(self, first: FirstInstance, closing: asyncio.Event) -> None:
        with ended_by_signals(closing.set):
            await self._paint()
            await first.answer(self._raise)
            supervisor = Supervisor(self._paths, backend_command(), self._backend_is)
            keeping = asyncio.create_task(supervisor.run())
            try:
                await self._wire(supervisor)
                await closing.wait()
            finally:
                await self._close(keeping)

    async def _paint(self) -> None:
        painted = asyncio.Event()
        self._window.shell.painted.connect(painted.set)
        self._window.shell.show()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAINT_PATIENCE_S):
                await painted.wait()
        self._trace.reached("painted")

    async def _wire(self, supervisor: Supervisor) -> None:
        loop = asyncio.get_running_loop()
        make = await loop.run_in_executor(self._thread, _import_wiring)
        self._wiring = make(
            self._window, self._paths, self._preferences, self._thread, supervisor.retry_now, self._trace
        )
        self._wiring.backend_is(self._state)
        self._notices.show_by(self._wiring.tell)
        # what lives from now on to the end need not be looked through again and again
        gc.collect()
        gc.freeze()

    def _backend_is(self, state: BackendState) -> None:
        self._state = state
        if self._wiring is not None:
            self._wiring.backend_is(state)

    def _raise(self) -> None:
        shell = self._window.shell
        shell.setWindowState(shell.windowState() & ~Qt.WindowState.WindowMinimized)
        shell.show()
        shell.raise_()
        shell.activateWindow()

    async def _close(self, keeping: asyncio.Task[None]) -> None:
        shell = self._window.shell
        shell.allow_close()
        # gone from the screen at once; what is left takes a moment
        shell.close()
        if self._wiring is not None:
            await self._wiring.close()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def _import_wiring() -> type[Wiring]:
    """Import what is too dear to import before the window is painted; runs in a thread."""
    from app.wiring import Wiring

    return Wiring


@contextlib.contextmanager
def ended_by_signals(leave: Callable[[], None]) -> Iterator[None]:
    """Leave in order at an interrupt, at SIGTERM, and when the terminal goes."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, leave)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
