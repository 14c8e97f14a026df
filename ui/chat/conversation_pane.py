"""The part of the page with the messages: transcript, empty state, welcome, notices and composer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from ui.chat import words
from ui.chat.branches.question_bar import QuestionBars
from ui.chat.column import column_left, column_width
from ui.chat.compare.compare_view import CompareView
from ui.chat.composer import Composer
from ui.chat.context.fit_card import FitCard
from ui.chat.finding.find_bar import FindBar, mark_matches
from ui.chat.flush_clock import FlushClock
from ui.chat.notices import Notices
from ui.chat.overlays import Overlays
from ui.chat.transcript_view import TranscriptView
from ui.chat.welcome import Welcome
from ui.widgets import EmptyState, SecondaryButton, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from PySide6.QtGui import QResizeEvent

    from backend_embedded.contract.conversations import Message
    from ui.chat.live_answer import LiveAnswer
    from ui.chat.state import ChatState
    from ui.theme import Theme, ThemeSource

PROGRESS_MS = 250
LEAST_HEIGHT = 24
"""Of the messages, however much stands under them."""


class ConversationPane(QWidget):
    """Shows a state; what the user does is signals of its parts."""

    older_wanted = Signal()
    newest_wanted = Signal()

    def __init__(
        self,
        themes: ThemeSource,
        *,
        open_link: Callable[[str], object],
        progress: Callable[[], Mapping[UUID, LiveAnswer]],
        now: Callable[[], datetime],
        folder: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._progress = progress
        self._now = now
        self._state: ChatState | None = None
        self.view = TranscriptView(themes.theme, open_link, self._head_of)
        self.overlays = Overlays(self.view, themes)
        self.questions = QuestionBars(self.view, themes)
        self.find_bar = FindBar(themes)
        self.fit_card = FitCard(themes)
        self.compare = CompareView(themes, open_link)
        self._theme = themes.theme
        self._editing: UUID | None = None
        self._sought: UUID | None = None
        self._awaited: UUID | None = None
        self._marked = ""
        self.clock = FlushClock([self.view], self)
        self.composer = Composer(themes)
        self.notices = Notices(themes)
        self.welcome = Welcome(themes, folder)
        self._empty = EmptyState(
            "message-square", "New chat", "Ask anything. The answer is made on this machine.", themes
        )
        self._loading, self._unreadable = QWidget(), QWidget()
        self._lay_out(themes)
        self._new_text = SecondaryButton("New text", themes, "arrow-down-to-line", parent=self)
        self._new_text.setAccessibleName("Go to the newest text")
        self._new_text.clicked.connect(self._to_newest)
        self._new_text.hide()
        self._ticker = QTimer(self)
        self._ticker.setInterval(PROGRESS_MS)
        self._ticker.timeout.connect(self._show_progress)
        self.view.older_wanted.connect(self.older_wanted)
        self.view.following_changed.connect(self._place_new_text)
        self.view.laid_out.connect(self._place_new_text)
        self.view.laid_out.connect(self._bring_sought)
        themes.changed.connect(self._use)

    def _lay_out(self, themes: ThemeSource) -> None:
        bars = self._bars = QVBoxLayout(self._loading)
        awaited = "Waiting for the backend to read the chat."
        self.waiting = Waiting((0.6, 0.9, 0.85, 0.4, 0.0, 0.7, 0.9, 0.5), themes, "Reading the chat", awaited)
        bars.addWidget(self.waiting)
        bars.addStretch(1)
        self._stack = QStackedWidget()
        for widget in (
            self.view,
            self._empty,
            self.welcome,
            self._loading,
            self._unreadable,
            self.compare,
        ):
            self._stack.addWidget(widget)
        # what is not shown there must not take room from the composer and the cards over it
        self._stack.setMinimumHeight(LEAST_HEIGHT)
        self._foot = QWidget()
        self._foot_column = QVBoxLayout(self._foot)
        self._foot_column.setSpacing(12)
        self._foot_column.addWidget(self.notices)
        self._foot_column.addWidget(self.fit_card)
        self._foot_column.addWidget(self.composer)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.find_bar)
        column.addWidget(self._stack, 1)
        column.addWidget(self._foot)

    def show_state(self, state: ChatState) -> None:
        """Show this state with the least change."""
        self._state = state
        self._place_composer(welcome=state.welcome)
        transcript = state.transcript
        live = frozenset(m.id for m in transcript.messages if m.id in state.live)
        if transcript.messages or self.view.items:
            self.view.show_messages(transcript.messages, live)
        self.overlays.models = state.talkers
        self.overlays.extras.show_state(state)
        self.overlays.show_state(state.live, can_answer=not state.cannot_send)
        self.questions.show_state(state)
        self.compare.show_comparison(state.comparison)
        self.find_bar.show_found(state.found_here)
        self.fit_card.show_state(state)
        self._stack.setCurrentWidget(self._content(state))
        self.notices.show_state(state, engine_told=self._at_welcome(state))
        self.welcome.show_state(state)
        self._show_composer(state)
        if self._foot.isHidden() is not (state.comparison is not None):
            self._foot.setVisible(state.comparison is None)
            self.compare.focus_first() if state.comparison is not None else self.focus_composer()
        self._show_sought(state)
        answering = state.live_here is not None
        if answering != self._ticker.isActive():
            self._ticker.start() if answering else self._ticker.stop()
        self._place_new_text()

    def feed(self, message_id: UUID, text: str) -> None:
        """Streamed text for an answer."""
        self.view.feed(message_id, text)
        self.clock.wake()

    def _content(self, state: ChatState) -> QWidget:
        transcript = state.transcript
        if state.comparison is not None:
            return self.compare
        if self._at_welcome(state):
            return self.welcome
        if transcript.messages:
            return self.view
        if transcript.error is not None:
            # it is no empty chat; the notice over the composer says why nothing is seen
            return self._unreadable
        return self._loading if transcript.loading else self._empty

    @staticmethod
    def _at_welcome(state: ChatState) -> bool:
        return state.welcome and not state.transcript.messages

    def _show_composer(self, state: ChatState) -> None:
        model = state.model
        placeholder = f"Message {model.title}" if model else "Message"
        if self._at_welcome(state):
            placeholder = "Ask your first question"
        answering = state.live_here is not None or state.sending
        self.composer.set_state(placeholder=placeholder, reason=state.cannot_send, answering=answering)
        self.composer.files.show_files(state.files)
        self.composer.meter.show_use(state.context, state.settings.context_policy)
        preset = next((p.name for p in state.presets if p.id == state.settings.preset_id), "")
        self.composer.preset.setText(preset)
        self.composer.show_editing(state.editing is not None)
        if state.editing is not None:
            question = state.transcript.message(state.editing)
            if self._editing != state.editing and question is not None:
                self.composer.set_text(question.text)
                self.focus_composer()
        else:
            self.composer.set_text(state.draft)
        self._editing = state.editing

    def _show_sought(self, state: ChatState) -> None:
        """Bring what a search found into sight, and mark its words."""
        query = state.found_here.query or (state.found.query if state.sought is not None else "")
        if query != self._marked or (query and state.sought != self._sought):
            self._marked = query
            mark_matches(self.view, query, self._theme)
        if state.sought != self._sought:
            self._sought = self._awaited = state.sought
            self._bring_sought()

    def _bring_sought(self) -> None:
        """Scroll to the sought message as soon as it is there: what is far above is put there step by step."""
        item = self.view.transcript.find(self._awaited) if self._awaited is not None else None
        if item is None:
            return
        self._awaited = None
        mark_matches(self.view, self._marked, self._theme)
        top = self.view.places.of_item(item).top() + self.view.places.offset
        self.view.scroll_to(max(0, round(top) - 24))

    def _to_newest(self) -> None:
        if self._state is not None and self._state.transcript.below:
            self.newest_wanted.emit()
        self.view.to_end()

    def _place_composer(self, *, welcome: bool) -> None:
        state = self._state
        inside = welcome and state is not None and not state.transcript.messages
        at_welcome = self.welcome.composer_place.indexOf(self.composer) >= 0
        if inside == at_welcome:
            return
        focused = self.composer.edit.hasFocus()
        (self.welcome.composer_place if inside else self._foot_column).addWidget(self.composer)
        if focused:
            self.composer.setFocus()
        self._fit_foot()

    def _head_of(self, message: Message) -> tuple[str, str]:
        state = self._state
        live = state.live.get(message.id) if state is not None else None
        name = message.stats.model if message.stats else (live.model if live else "")
        title = state.model_title(name) if state is not None else name
        if live is not None:
            return title, ""
        return title, words.short_time(message.created_at, self._now())

    def _show_progress(self) -> None:
        self.overlays.show_progress(self._progress())

    def _place_new_text(self, *_: object) -> None:
        live = self._state is not None and self._state.live_here is not None
        below = self._state is not None and self._state.transcript.below > 0
        away = below or (live and not self.view.following)
        shown = away and self._stack.currentWidget() is self.view
        self._new_text.setText("Newest messages" if below else "New text")
        if shown:
            size = self._new_text.sizeHint()
            bottom = self._stack.geometry().bottom() - size.height() - 8
            left = column_left(self.width()) + (column_width(self.width()) - size.width()) // 2
            self._new_text.move(QPoint(left, bottom))
            self._new_text.resize(size)
            self._new_text.raise_()
        self._new_text.setVisible(shown)

    def _fit_foot(self) -> None:
        left = column_left(self.width())
        right = self.width() - left - column_width(self.width())
        self._foot_column.setContentsMargins(left, 0, right, 12)
        self._bars.setContentsMargins(left, 24, right, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Composer and messages keep the same edges."""
        super().resizeEvent(event)
        self._fit_foot()
        self._place_new_text()

    def _use(self, theme: Theme) -> None:
        self._theme, self._marked = theme, ""
        self.overlays.clear()
        self.questions.clear()
        self.view.set_theme(theme)
        self.overlays.place()
        self.questions.place()

    def focused_in_transcript(self) -> bool:
        """Whether the keyboard is in the messages, or on a button among them."""
        focused = self.window().focusWidget()
        return focused is not None and (focused is self.view or self.view.isAncestorOf(focused))

    def focus_composer(self) -> None:
        """Put the keyboard into the composer."""
        self.composer.edit.setFocus(Qt.FocusReason.OtherFocusReason)
