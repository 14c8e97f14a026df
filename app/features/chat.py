"""The chat: conversations, what happens to them out of sight, and the answer that Esc stops."""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app.features.chat_news import of_outcome
from app.features.models import ModelsFeature
from app.features.port import Surroundings, open_folder
from app.main_window import CHAT
from backend_embedded.contract.conversations import Conversation
from backend_embedded.contract.events import Event, RunnerExited
from ui.chat.actions import chat_actions, conversation_actions
from ui.chat.branches.left_ends import LeftEnds
from ui.chat.chats.moving_state import Outcome
from ui.chat.page import ChatPage
from ui.chat.presenter import ChatPresenter
from ui.shell.values import Notification

SELECTED = "chat.selected"
LEFT_ENDS = "chat.left_ends"


class ChatFeature:
    """The chat page and what belongs to it."""

    key = CHAT

    def __init__(self, around: Surroundings, models: ModelsFeature) -> None:
        self._around, self._models = around, models
        self._shell = around.window.shell
        preferences = around.preferences
        self._presenter = ChatPresenter(
            around.client,
            first_run=not preferences.value.welcomed,
            on_welcome_ended=lambda: preferences.change(welcomed=True),
            selected=_uuid(preferences.get(SELECTED)),
            on_selected=lambda chosen: preferences.set(SELECTED, None if chosen is None else str(chosen)),
            left=LeftEnds(preferences.get(LEFT_ENDS), lambda ends: preferences.set(LEFT_ENDS, ends)),
        )
        self._shell.esc.add(self._stop_answer)
        self._shell.table.add_source(
            lambda: conversation_actions(self._presenter, lambda: self._shell.show_page(CHAT))
        )

    def page(self) -> QWidget:
        """The chat page."""
        page = ChatPage(
            self._presenter,
            self._around.window.themes,
            open_link=lambda address: QDesktopServices.openUrl(QUrl(address)),
            show_folder=lambda: open_folder(self._around.paths.models),
            show_log=self._around.show_log,
            on_deleted=self._deleted,
            on_moved=self._moved,
            folder=str(self._around.paths.models),
        )
        page.picker.manage_wanted.connect(self._models.show)
        self._shell.table.add(*chat_actions(page, self._presenter))
        return page

    def event_arrived(self, event: Event) -> None:
        """Show it in the chat; tell of a model's process that ended."""
        self._presenter.event_arrived(event)
        if isinstance(event, RunnerExited):
            title = f"{self._presenter.state.model_title(event.model)} stopped"
            told = Notification("degraded", title, event.message, (("Show log", self._around.show_log),))
            # the chat page says it itself, at the answer that was cut and in the status bar
            self._shell.notify(told, seen=self._shell.current_page == CHAT)

    def connection_changed(self, is_open: bool) -> None:
        """Read anew what may have changed."""
        self._presenter.connection_changed(is_open)

    async def close(self) -> None:
        """Save drafts, and end every task."""
        await self._presenter.close()

    def _deleted(self, conversation: Conversation) -> None:
        undo = ("Undo", lambda: self._presenter.spawn(self._presenter.undo_delete()))
        self._shell.notify(Notification("ok", "Chat deleted", conversation.title, (undo,)))

    def _moved(self, outcome: Outcome) -> None:
        self._shell.notify(of_outcome(outcome, open_folder))

    def _stop_answer(self) -> bool:
        if self._shell.current_page != CHAT or self._presenter.state.live_here is None:
            return False
        self._presenter.stop()
        return True


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
