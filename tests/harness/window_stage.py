"""The real window with its real pages and presenters, on a scripted backend and a clock that stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from scripted_backend import ScriptedBackend
from scripted_content import ABOUT, HOME

from app.capabilities import CapabilityBoard
from app.features.chat_news import of_outcome
from app.features.model_news import ModelNews, Ways
from app.main_window import CHAT, MODELS, OVERVIEW, SETTINGS, MainWindow, open_main_window
from app.preferences import Preferences, PreferenceStore
from backend_embedded.contract.conversations import Conversation
from backend_embedded.contract.events import CapabilityChanged, EngineChanged, Event, Snapshot
from backend_embedded.contract.models import Engine
from backend_embedded.contract.status import Capability
from ui.chat.actions import chat_actions, conversation_actions
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.models.actions import model_actions, models_actions
from ui.models.page import ModelsPage
from ui.models.presenter import ModelsPresenter
from ui.overview.page import OverviewPage
from ui.overview.presenter import OverviewPresenter
from ui.settings.actions import settings_actions
from ui.settings.page import SettingsPage
from ui.settings.presenter import SettingsPresenter
from ui.settings.state import About
from ui.shell.shell import Shell

PATIENCE_S = 10.0
POLL_S = 0.001


class NotReached(AssertionError):
    """A state did not appear."""


class Stage:
    """One window and what it stands on.

    Attributes:
        backend: what the window talks to; a test changes it and tells the window by `tell`.
        chat, settings, models: the presenters.
        clock_s: what the chat's stop watch shows.
    """

    def __init__(self, window: MainWindow, preferences: PreferenceStore, backend: ScriptedBackend) -> None:
        self.window, self.backend = window, backend
        self.clock_s = 0.0
        self.chat = ChatPresenter(
            backend,
            first_run=not preferences.value.welcomed,
            on_welcome_ended=lambda: preferences.change(welcomed=True),
            clock=lambda: self.clock_s,
        )
        self.settings = SettingsPresenter(
            backend,
            preferences,
            lambda _: None,
            local_api=backend,
            services=backend,
            home=HOME,
            read_about=self._about,
        )
        self.models = ModelsPresenter(backend)
        self._news = ModelNews(
            lambda told, seen: window.shell.notify(told, seen=seen),
            window.shell.set_note,
            lambda: window.shell.current_page == MODELS,
            Ways(_pass, _pass, _pass, _pass, _pass),
        )
        self.models.listen(self._news)
        self.overview = OverviewPresenter(backend, lambda: backend.now)
        self._overview_page: OverviewPage | None = None
        self._board = CapabilityBoard(window.shell.show_capabilities)
        self._models_page: ModelsPage | None = None
        self._chat_page: ChatPage | None = None
        self._settings_page: SettingsPage | None = None
        window.on_wanted(self._fill)
        log, engine = ("Show log", _pass), ("Show engine", lambda: self._show_setting("engine"))
        window.shell.show_capabilities((), {"model": (engine, log), "store": (log,), "events": (log,)})
        table = window.shell.table
        table.add_source(lambda: conversation_actions(self.chat, lambda: self.shell.show_page(CHAT)))
        table.add(*settings_actions(self.settings, self._show_setting))
        table.add(*models_actions(self.models, self._show_models))
        table.add_source(lambda: model_actions(self.models, self._show_models))

    @property
    def shell(self) -> Shell:
        """The window itself."""
        return self.window.shell

    @property
    def chat_page(self) -> ChatPage:
        """The chat page, as it is in the window."""
        if self._chat_page is None:
            self._chat_page = ChatPage(
                self.chat,
                self.window.themes,
                folder=HOME["models"],
                now=lambda: self.backend.now,
                on_moved=lambda told: self.shell.notify(
                    replace(of_outcome(told, _pass), at=self.backend.now)
                ),
            )
            self._chat_page.picker.manage_wanted.connect(self._show_models)
            self.shell.table.add(*chat_actions(self._chat_page, self.chat))
        return self._chat_page

    @property
    def settings_page(self) -> SettingsPage:
        """The settings page, as it is in the window."""
        if self._settings_page is None:
            self._settings_page = SettingsPage(self.settings, self.window.themes)
        return self._settings_page

    @property
    def models_page(self) -> ModelsPage:
        """The models page, as it is in the window."""
        if self._models_page is None:
            self._models_page = ModelsPage(self.models, self.window.themes)
        return self._models_page

    @property
    def overview_page(self) -> OverviewPage:
        """The overview, as it is in the window."""
        if self._overview_page is None:
            self._overview_page = OverviewPage(
                self.overview,
                self.window.themes,
                open_setting=self._show_setting,
                now=lambda: self.backend.now,
            )
        return self._overview_page

    def tell(self, event: Event) -> None:
        """An event of the backend's stream, to all that follow it."""
        self.chat.event_arrived(event)
        self.settings.event_arrived(event)
        self.models.event_arrived(event)
        self.overview.event_arrived(event)
        self._news.event_arrived(event)
        if isinstance(event, Snapshot):
            self._board.show(event.status.capabilities)
        elif isinstance(event, CapabilityChanged):
            self._board.show((event.capability,))

    def engine_is(self, engine: Engine) -> None:
        """The engine's state changed."""
        self.backend.built = engine
        self.tell(EngineChanged(engine=engine))

    def capability_is(self, capability: Capability) -> None:
        """A capability's state changed."""
        self.tell(CapabilityChanged(capability=capability))

    def connection_is(self, open_: bool) -> None:
        """The event stream was cut, or is back."""
        self.chat.connection_changed(open_)
        self.settings.connection_changed(open_)
        self.models.connection_changed(open_)
        self.overview.connection_changed(open_)
        self._board.connection_changed(open_)

    async def open_chat(self, conversation: Conversation) -> None:
        """Show a stored conversation, and wait until it is drawn."""
        await self.chat.select(conversation.id)
        await self.until("the chat is shown", lambda: self.chat_page.pane.view.items)

    async def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait for a condition.

        Raises:
            NotReached: it did not come true in time; its text names `what`.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline:
                raise NotReached(f"{what}: not within {PATIENCE_S:.0f} s")
            QApplication.processEvents()
            await asyncio.sleep(POLL_S)

    async def at_rest(self) -> None:
        """Wait until no widget in sight is still to be laid out and no text is still to be written or coloured."""
        view = self.chat_page.pane.view
        await self.until("the text is written", lambda: not view.wants_flush and not view.is_coloring)
        await self.until("all messages are shown", lambda: not view.above.is_active)
        await self.until("all is laid out", lambda: not any(self._laid_out_anew()))

    def _laid_out_anew(self) -> list[bool]:
        """Lay out what waits for it; true for each widget that had to be."""
        QApplication.processEvents()
        layouts = (w.layout() for w in self.shell.findChildren(QWidget) if w.isVisible())
        return [layout.activate() for layout in layouts if layout is not None]

    def _fill(self, key: str) -> None:
        if self.window.slots[key].page is None:
            pages = {
                CHAT: lambda: self.chat_page,
                MODELS: lambda: self.models_page,
                OVERVIEW: lambda: self.overview_page,
            }
            self.window.slots[key].fill(pages.get(key, lambda: self.settings_page)())

    def _show_setting(self, name: str) -> None:
        self.shell.show_page(SETTINGS)
        self.settings_page.show_setting(name)

    def _show_models(self) -> ModelsPage:
        self.shell.show_page(MODELS)
        return self.models_page

    @staticmethod
    async def _about() -> About:
        return ABOUT


@asynccontextmanager
async def staged(
    backend: ScriptedBackend, application: QApplication, theme: str, size: tuple[int, int], *, welcomed: bool
) -> AsyncIterator[Stage]:
    """A shown window that is connected to the backend and has read its first state."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        # the picture of something that turns would never be the same twice
        chosen = Preferences(theme=theme, reduced_motion=True, welcomed=welcomed)
        preferences = PreferenceStore(Path(folder), chosen, thread, _fail)
        window = open_main_window(application, preferences)
        preferences.change(reduced_motion=False)
        stage = Stage(window, preferences, backend)
        stage.shell.resize(*size)
        stage.shell.show()
        stage.shell.activateWindow()
        try:
            stage.tell(backend.snapshot())
            await stage.until("the list of chats is read", lambda: stage.chat.state.loaded)
            await stage.until("the window is painted", stage.shell.isActiveWindow)
            yield stage
        finally:
            await stage.chat.close()
            await stage.settings.close()
            await stage.models.close()
            await stage.overview.close()
            stage.shell.allow_close()
            stage.shell.close()
            stage.shell.deleteLater()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _pass(*_: object) -> None:
    """What is pressed here leads out of the window."""


def _fail(words: str) -> None:
    raise AssertionError(words)


def words_of(widget: QWidget) -> str:
    """All words that a widget and those in it say, as far as they are in sight."""
    said = []
    for one in (widget, *widget.findChildren(QWidget)):
        if one.isVisible():
            for name in ("text", "whole_text"):
                read = getattr(one, name, None)
                if callable(read):
                    said.append(str(read()))
    return "\n".join(said)


def shows(widget: QWidget, words: str) -> bool:
    """A widget is in sight and says these words."""
    return widget.isVisible() and words in words_of(widget)


def button(widget: QWidget, words: str) -> QAbstractButton | None:
    """A button in sight with these words, or of this name."""
    found = (one for one in widget.findChildren(QAbstractButton) if one.isVisible())
    return next((one for one in found if words in (one.text(), one.accessibleName())), None)
