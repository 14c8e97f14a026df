"""Puts client, presenters, pages, event stream and shell together; imported after the first paint."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app.capabilities import CapabilityBoard
from app.chat_news import of_outcome
from app.connection import Connection
from app.log_window import LogWindow, last_lines
from app.main_window import CHAT, MODELS, OVERVIEW, SETTINGS, MainWindow
from app.model_news import ModelNews, Ways, lacking_model
from app.paths import HomePaths
from app.preferences import PreferenceStore
from app.start_trace import StartTrace
from app.supervision import BackendState, Serving
from backend_embedded.contract.conversations import Conversation
from backend_embedded.contract.events import CapabilityChanged, Event, RunnerExited, Snapshot
from backend_embedded.contract.product import VERSION
from backend_embedded.contract.status import State
from ui.chat.actions import chat_actions, conversation_actions
from ui.chat.branches.left_ends import LeftEnds
from ui.chat.chats.moving_state import Outcome
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.client.backend import BackendClient
from ui.client.events import EventStream
from ui.models.actions import model_actions, models_actions
from ui.models.page import ModelsPage
from ui.models.presenter import ModelsPresenter
from ui.overview.actions import overview_actions
from ui.overview.page import OverviewPage
from ui.overview.presenter import OverviewPresenter
from ui.settings.about import read_about
from ui.settings.actions import settings_actions
from ui.settings.page import SettingsPage
from ui.settings.presenter import SettingsPresenter
from ui.settings.state import Appearance
from ui.shell.connection_band import RETRY
from ui.shell.values import Notification

SELECTED = "chat.selected"
LEFT_ENDS = "chat.left_ends"
BAND_TICK_MS = 250
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
        self._window, self._paths, self._preferences = window, paths, preferences
        self._thread, self._retry_now, self._trace = thread, retry_now, trace
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = BackendClient()
        self._stream = EventStream(self._client)
        self._connection = Connection(self._loop.time())
        self._board = CapabilityBoard(window.shell.show_capabilities)
        self._chat = ChatPresenter(
            self._client,
            first_run=not preferences.value.welcomed,
            on_welcome_ended=lambda: preferences.change(welcomed=True),
            selected=_uuid(preferences.get(SELECTED)),
            on_selected=lambda chosen: preferences.set(SELECTED, None if chosen is None else str(chosen)),
            left=LeftEnds(preferences.get(LEFT_ENDS), lambda ends: preferences.set(LEFT_ENDS, ends)),
        )
        self._settings = SettingsPresenter(
            self._client,
            preferences,
            self._apply_appearance,
            local_api=self._client,
            services=self._client,
            home=paths.as_wire(),
            read_about=lambda: self._loop.run_in_executor(thread, read_about, VERSION),
        )
        self._models = ModelsPresenter(self._client)
        self._overview = OverviewPresenter(self._client)
        self._news = self._model_news()
        self._models.listen(self._news)
        self._connect()
        window.on_wanted(self._fill)
        self._spawn(self._stream.run(self._event_arrived, self._connection_changed))

    def _connect(self) -> None:
        shell = self._window.shell
        shell.retry_pressed.connect(self._retry)
        shell.log_pressed.connect(self.show_log)
        shell.esc.add(self._stop_answer)
        shell.table.add_source(lambda: conversation_actions(self._chat, lambda: shell.show_page(CHAT)))
        shell.table.add(*settings_actions(self._settings, self._show_setting))
        shell.table.add(*models_actions(self._models, self._show_models))
        shell.table.add_source(lambda: model_actions(self._models, self._show_models))
        log = ("Show log", self.show_log)
        engine = ("Show engine", lambda: self._show_setting("engine"))
        shell.show_capabilities((), {"model": (engine, log), "store": (log,), "events": (log,)})
        self._tick = QTimer(shell, interval=BAND_TICK_MS)
        self._tick.timeout.connect(self._show_connection)
        self._tick.start()

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
        self._chat.connection_changed(open_)
        self._settings.connection_changed(open_)
        self._models.connection_changed(open_)
        self._overview.connection_changed(open_)
        self._board.connection_changed(open_)
        self._show_connection()

    def _event_arrived(self, event: Event) -> None:
        self._chat.event_arrived(event)
        self._settings.event_arrived(event)
        self._models.event_arrived(event)
        self._overview.event_arrived(event)
        self._news.event_arrived(event)
        match event:
            case Snapshot():
                self._board.show(event.status.capabilities)
            case CapabilityChanged():
                self._board.show((event.capability,))
            case RunnerExited():
                self._runner_exited(event)
            case _:
                pass
        if self._board.state_of("model") is State.OK:
            self._trace.reached("chat_ready")

    def _runner_exited(self, event: RunnerExited) -> None:
        shell, actions = self._window.shell, (("Show log", self.show_log),)
        title = f"{self._chat.state.model_title(event.model)} stopped"
        told = Notification("degraded", title, event.message, actions)
        # the chat page says it itself, at the answer that was cut and in the status bar
        shell.notify(told, seen=shell.current_page == CHAT)

    def _show_connection(self) -> None:
        band = self._window.shell.band
        notice = self._connection.notice(self._loop.time())
        # looked at again and again only while there is something to count
        self._tick.setInterval(BAND_TICK_MS if not self._connection.is_open else 60_000)
        if notice is None:
            if not band.isHidden():
                band.back()
        elif band.isHidden() or band.words() != notice.text:
            band.lost(notice.text)
            band.offer(RETRY, notice.can_retry)

    # Pages

    def _fill(self, key: str) -> None:
        slot = self._window.slots[key]
        makers: dict[str, Callable[[], QWidget]] = {
            CHAT: self._chat_page,
            MODELS: self._models_page,
            OVERVIEW: self._overview_page,
            SETTINGS: self._settings_page,
        }
        if slot.page is None:
            slot.fill(makers[key]())

    def _chat_page(self) -> QWidget:
        page = ChatPage(
            self._chat,
            self._window.themes,
            open_link=lambda address: QDesktopServices.openUrl(QUrl(address)),
            show_folder=self._show_models_folder,
            show_log=self.show_log,
            on_deleted=self._conversation_deleted,
            on_moved=self._conversations_moved,
            folder=str(self._paths.models),
        )
        page.picker.manage_wanted.connect(lambda: self._window.shell.show_page(MODELS))
        self._window.shell.table.add(*chat_actions(page, self._chat))
        return page

    def _models_page(self) -> QWidget:
        return ModelsPage(self._models, self._window.themes, folder=str(Path.home()))

    def _overview_page(self) -> QWidget:
        page = OverviewPage(self._overview, self._window.themes, open_setting=self._show_setting)
        self._window.shell.table.add(*overview_actions(page))
        return page

    def _show_models(self) -> ModelsPage:
        self._window.shell.show_page(MODELS)
        page = self._window.slots[MODELS].page
        if not isinstance(page, ModelsPage):
            raise TypeError("the models page is not in its place")
        return page

    def _model_news(self) -> ModelNews:
        shell = self._window.shell
        ways = Ways(
            use_model=self._use_model,
            pull=lambda reference: self._show_models().look_up(reference),
            open_settings=lambda: self._show_setting("providers"),
            show_model=lambda name: self._show_models().show_model(name),
            show_downloads=lambda: self._show_models().show_get(),
        )
        return ModelNews(
            lambda told, seen: shell.notify(told, seen=seen),
            shell.set_note,
            lambda: shell.current_page == MODELS,
            ways,
        )

    def _use_model(self, notice_id: str, name: str) -> None:
        """Put the model in the place of the one that is lacking: for Ollama alone, or for all."""
        settings, lacking = self._settings.state.settings, lacking_model(notice_id)
        for_ollama = settings is not None and bool(lacking) and settings.ollama_model == lacking
        self._settings.spawn(self._settings.change("ollama_model" if for_ollama else "default_model", name))

    def _settings_page(self) -> QWidget:
        return SettingsPage(
            self._settings, self._window.themes, open_folder=lambda folder: _open_folder(Path(folder))
        )

    def _show_setting(self, name: str) -> None:
        self._window.shell.show_page(SETTINGS)
        page = self._window.slots[SETTINGS].page
        if isinstance(page, SettingsPage):
            page.show_setting(name)

    def _apply_appearance(self, chosen: Appearance) -> None:
        self._window.themes.choose(
            chosen.theme, chosen.text_percent / 100, reduced_motion=chosen.reduced_motion
        )

    def _conversation_deleted(self, conversation: Conversation) -> None:
        undo = ("Undo", lambda: self._chat.spawn(self._chat.undo_delete()))
        self._window.shell.notify(Notification("ok", "Chat deleted", conversation.title, (undo,)))

    def _conversations_moved(self, outcome: Outcome) -> None:
        self._window.shell.notify(of_outcome(outcome, _open_folder))

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

    def _show_models_folder(self) -> None:
        _open_folder(self._paths.models)

    def _retry(self) -> None:
        self._retry_now()
        self._stream.reconnect()

    def _stop_answer(self) -> bool:
        if self._window.shell.current_page != CHAT or self._chat.state.live_here is None:
            return False
        self._chat.stop()
        return True

    # The end

    async def close(self) -> None:
        """End every task and connection; drafts are saved first."""
        self._tick.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self._chat.close()
                await self._settings.close()
                await self._models.close()
                await self._overview.close()
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


def _open_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
