"""Puts client, event stream, features and shell together; imported after the first paint."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QTimer

from app.capabilities import CapabilityBoard
from app.connection import Connection
from app.features.chat import ChatFeature
from app.features.models import ModelsFeature
from app.features.overview import OverviewFeature
from app.features.port import Feature, Surroundings
from app.features.settings import SettingsFeature
from app.log_window import LogWindow, last_lines
from app.main_window import MainWindow
from app.paths import HomePaths
from app.preferences import PreferenceStore
from app.start_trace import StartTrace
from app.supervision import BackendState, Serving
from backend_embedded.contract.events import CapabilityChanged, Event, Snapshot
from backend_embedded.contract.status import State
from ui.client.backend import BackendClient
from ui.client.events import EventStream
from ui.shell.connection_band import RETRY
from ui.shell.values import Notification

BAND_TICK_MS = 250
CALM_TICK_MS = 60_000
LEAVE_S = 3.0


class Wiring:
    """Everything that needs the backend, for one window. Made in the loop; `close` ends it."""

    def __init__(
        self,
        window: MainWindow,
        paths: HomePaths,
        preferences: PreferenceStore,
        thread: ThreadPoolExecutor,
        retry_now: Callable[[], None],
        trace: StartTrace,
    ) -> None:
        self._window, self._paths, self._thread = window, paths, thread
        self._retry_now, self._trace = retry_now, trace
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = BackendClient()
        self._stream = EventStream(self._client)
        self._connection = Connection(self._loop.time())
        self._board = CapabilityBoard(window.shell.show_capabilities)
        around = Surroundings(window, self._client, paths, preferences, thread, self.show_log)
        settings = SettingsFeature(around)
        models = ModelsFeature(around, settings)
        self._features: tuple[Feature, ...] = (
            ChatFeature(around, models),
            models,
            OverviewFeature(around, settings),
            settings,
        )
        self._connect(settings)
        window.on_wanted(self._fill)
        self._spawn(self._stream.run(self._event_arrived, self._connection_changed))

    def _connect(self, settings: SettingsFeature) -> None:
        shell = self._window.shell
        shell.retry_pressed.connect(self._retry)
        shell.log_pressed.connect(self.show_log)
        log = ("Show log", self.show_log)
        engine = ("Show engine", lambda: settings.show("engine"))
        shell.show_capabilities((), {"model": (engine, log), "store": (log,), "events": (log,)})
        self._tick = QTimer(shell, interval=BAND_TICK_MS)
        self._tick.timeout.connect(self._show_connection)
        self._tick.start()

    def _fill(self, key: str) -> None:
        slot = self._window.slots[key]
        if slot.page is None:
            slot.fill(next(feature for feature in self._features if feature.key == key).page())

    # What the children say

    def backend_is(self, state: BackendState) -> None:
        """The supervisor told a change."""
        self._connection.backend_is(state, self._loop.time())
        if isinstance(state, Serving):
            self._trace.reached("backend_ready")
            self._client.retarget(state.address.url, state.address.token)
            self._stream.reconnect()
        self._show_connection()

    def _connection_changed(self, open_: bool) -> None:
        self._connection.stream_is(open_, self._loop.time())
        for feature in self._features:
            feature.connection_changed(open_)
        self._board.connection_changed(open_)
        self._show_connection()

    def _event_arrived(self, event: Event) -> None:
        for feature in self._features:
            feature.event_arrived(event)
        match event:
            case Snapshot():
                self._board.show(event.status.capabilities)
            case CapabilityChanged():
                self._board.show((event.capability,))
            case _:
                pass
        if self._board.state_of("model") is State.OK:
            self._trace.reached("chat_ready")

    def _show_connection(self) -> None:
        band = self._window.shell.band
        notice = self._connection.notice(self._loop.time())
        # looked at again and again only while there is something to count
        self._tick.setInterval(CALM_TICK_MS if self._connection.is_open else BAND_TICK_MS)
        if notice is None:
            if not band.isHidden():
                band.back()
        elif band.isHidden() or band.words() != notice.text:
            band.lost(notice.text)
            band.offer(RETRY, notice.can_retry)

    # What the user does

    def tell(self, text: str) -> None:
        """Show a sentence about something that is not as it should be."""
        self._window.shell.notify(Notification("degraded", "Something needs a look", text))

    def show_log(self) -> None:
        """Show the last lines of the backend's log."""
        self._spawn(self._show_log())

    async def _show_log(self) -> None:
        files = [self._paths.state / "backend.log", self._paths.state / "backend-stderr.log"]
        text = await self._loop.run_in_executor(self._thread, last_lines, files)
        LogWindow(text, self._window.themes, self._window.shell).open()

    def _retry(self) -> None:
        self._retry_now()
        self._stream.reconnect()

    # The end

    async def close(self) -> None:
        """End every task and connection; drafts are saved first."""
        self._tick.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                for feature in self._features:
                    await feature.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": "A task of the window failed", "exception": error})
