"""The chat page: list, header, conversation; it turns what the user does into the presenter's work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.conversations import MessageStatus
from ui.chat.compare.ways_dialog import WaysDialog
from ui.chat.conversation_list import ConversationList
from ui.chat.conversation_pane import ConversationPane
from ui.chat.file_dialogs import FileDialogs
from ui.chat.model_picker import ModelPicker
from ui.chat.page_parts import connect_parts
from ui.chat.settings_panel.panel import SettingsPanel
from ui.chat.shown_chat import ShownChat
from ui.widgets import IconButton, PageHeader, SecondaryButton

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent

    from backend_embedded.contract.conversations import Conversation, Message
    from ui.chat.chats.moving_state import Outcome
    from ui.chat.presenter import ChatPresenter
    from ui.chat.state import ChatState
    from ui.theme import ThemeSource

LIST_WIDTH = 240
LIST_WIDTH_WIDE = 272
LEAST_CHAT = 440
"""Width that the conversation has at least beside list and settings; the list goes before it has less."""
WIDE_FROM = 1400
"""Width of the page (the window's without the rail) from which the list is the wide one."""


def do_nothing(*_: object) -> None:
    """What happens when nobody is interested."""


class ChatPage(QWidget):
    """Shows the presenter's state and follows its streamed text.

    `open_link` opens an address outside; `show_folder` and `show_log` open the data folder and the log;
    `on_deleted` gets the deleted conversation, to offer Undo (`presenter.undo_delete`); `on_moved` is told
    what came of an export or import.
    """

    def __init__(
        self,
        presenter: ChatPresenter,
        themes: ThemeSource,
        *,
        open_link: Callable[[str], object] = do_nothing,
        show_folder: Callable[[], object] = do_nothing,
        show_log: Callable[[], object] = do_nothing,
        on_deleted: Callable[[Conversation], object] = do_nothing,
        on_moved: Callable[[Outcome], object] = do_nothing,
        folder: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._on_deleted = on_deleted
        self._selected: UUID | None = None
        self._at_welcome = self._panel_wanted = False
        self._deleted: Conversation | None = presenter.state.deleted
        self.setAccessibleName("Chat")
        self.list = ConversationList(themes, now)
        self.header = PageHeader("New chat", themes)
        self.picker = ModelPicker(themes)
        self.skip = SecondaryButton("Skip", themes)
        self.skip.clicked.connect(presenter.end_welcome)
        self.pane = ConversationPane(
            themes, open_link=open_link, progress=presenter.progress, now=now, folder=folder
        )
        self.panel = SettingsPanel(themes)
        self.panel.hide()
        self.dialogs = FileDialogs(presenter, self)
        self.export_button = IconButton("share", "Export this chat", themes, shortcut="Ctrl+Shift+E")
        self.panel_button = IconButton(
            "panel-right", "Settings of this chat", themes, shortcut="Ctrl+.", checkable=True
        )
        self._themes = themes
        self._lay_out()
        presenter.moving.told = on_moved
        self.dialogs.told.connect(on_moved)
        self.shown = ShownChat(presenter, self.dialogs)
        connect_parts(self, presenter, show_folder, show_log)
        presenter.listen(self)
        self.state_changed(presenter.state)

    def _lay_out(self) -> None:
        self.header.add_action(self.picker)
        self.picker.anchor = lambda: self.header.action_row.place_of(self.picker)
        self.header.add_action(self.skip)
        self.header.add_action(self.export_button)
        self.header.add_action(self.panel_button)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.header)
        right.addWidget(self.pane, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.list)
        row.addLayout(right, 1)
        row.addWidget(self.panel)
        self.list.setFixedWidth(LIST_WIDTH)
        self.setFocusProxy(self.pane.composer)

    # What the presenter tells

    def state_changed(self, state: ChatState) -> None:
        """Show this state."""
        focused = self.pane.focused_in_transcript()
        at_welcome = state.welcome and not state.transcript.messages
        self._at_welcome = at_welcome
        self._show_list()
        if state.selected != self._selected:
            self._selected = state.selected
            self.header.set_caption("")
        self.header.set_title("Welcome" if at_welcome else state.title)
        self.picker.setVisible(not at_welcome)
        self.skip.setVisible(at_welcome)
        self.picker.show_state(state)
        self.list.show_state(state)
        self.pane.show_state(state)
        self.panel.show_state(state)
        self.export_button.setVisible(state.conversation is not None)
        self.panel_button.setVisible(not at_welcome)
        if focused and not self.pane.focused_in_transcript():
            self.focus_composer()  # what had the keyboard is gone with its chat
        self._presenter.context.typed(self.pane.composer.text)
        if state.deleted is not None and state.deleted != self._deleted:
            self._on_deleted(state.deleted)
        self._deleted = state.deleted

    def text_arrived(self, conversation_id: UUID, message_id: UUID, text: str) -> None:
        """Write streamed text, if its conversation is the one that is shown."""
        self.pane.feed(message_id, text)

    def answer_finished(self, conversation_id: UUID, message: Message) -> None:
        """Tell assistive tools that the answer is there."""
        said = {
            MessageStatus.COMPLETE: "Answer complete",
            MessageStatus.STOPPED: "Answer stopped",
            MessageStatus.INCOMPLETE: "Answer incomplete",
        }.get(message.status)
        if said and QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, said))

    # What actions do

    def new_chat(self) -> None:
        """Begin an empty chat with the keyboard in the composer."""
        self._presenter.end_welcome()
        self._presenter.new_chat()
        self.focus_composer()

    def rename_selected(self) -> None:
        """Type over the title of the shown conversation."""
        selected = self._presenter.state.selected
        if selected is not None:
            self._uncover_list()
            self.list.rename(selected)

    def open_search(self) -> None:
        """Put the keyboard into the search over all chats."""
        self._uncover_list()
        self.list.open_search()

    def delete_selected(self) -> None:
        """Move the shown conversation to the bin."""
        selected = self._presenter.state.selected
        if selected is not None:
            self._presenter.spawn(self._presenter.delete(selected))

    def ask_again_last(self) -> None:
        """One more answer to the last question."""
        last = self._presenter.state.transcript.last_answer
        if last is not None:
            self._presenter.spawn(self._presenter.ask_again(last.id))

    def can_continue(self) -> bool:
        """The last answer was cut or stopped."""
        last = self._presenter.state.transcript.last_answer
        cut = (MessageStatus.INCOMPLETE, MessageStatus.STOPPED)
        return last is not None and last.status in cut and not self._presenter.state.live_here

    def continue_last(self) -> None:
        """Go on with the last answer."""
        last = self._presenter.state.transcript.last_answer
        if last is not None:
            self._presenter.spawn(self._presenter.continue_answer(last.id))

    def copy_answer(self, message_id: UUID) -> None:
        """Put an answer's Markdown on the clipboard."""
        item = self.pane.view.transcript.find(message_id)
        if item is not None:
            self.pane.view.copy_text(item.text)

    def copy_last(self) -> None:
        """Put the last answer's Markdown on the clipboard."""
        last = self._presenter.state.transcript.last_answer
        if last is not None:
            self.copy_answer(last.id)

    def focus_composer(self) -> None:
        """Put the keyboard into the composer."""
        self.pane.focus_composer()

    def open_models(self) -> None:
        """Open the list of models."""
        if self._presenter.state.welcome:
            self.picker.show()
        self.picker.open()

    def to_end(self) -> None:
        """Go to the newest text and follow it."""
        self.pane.view.to_end()

    def show_welcome(self) -> None:
        """Show the first-run welcome again."""
        self._presenter.show_welcome()
        self.focus_composer()

    def toggle_panel(self) -> None:
        """Show or hide the settings of this chat."""
        shown = self.panel.isHidden()
        self._panel_wanted = shown
        # one goes before the other comes: all three together would ask for a wider window
        if shown:
            self._show_list()
        self.panel.setVisible(shown)
        self._show_list()
        self.panel_button.setChecked(shown)
        if shown:
            self._presenter.spawn(self._presenter.choosing.load_presets())
            self.panel.focus_first()
        else:
            self.focus_composer()

    def open_compare(self) -> None:
        """Choose the models that answer what is typed, side by side."""
        text = self.pane.composer.text
        if text.strip() and not self._presenter.state.cannot_send:
            self.ways = WaysDialog(self._presenter.state, self._themes, self)
            self.ways.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.ways.chosen.connect(
                lambda ways: self._presenter.spawn(self._presenter.comparing.start(text, ways))
            )
            self.ways.open()

    def load_older(self) -> None:
        """Load the messages above, when there are any."""
        transcript = self._presenter.state.transcript
        if transcript.has_older and not transcript.loading:
            self._presenter.spawn(self._presenter.load_older())

    def use_example(self, prompt: str) -> None:
        """Ask one of the first questions."""
        self._presenter.draft_changed(prompt)
        self.pane.composer.set_text(prompt)
        self.pane.composer.send()
        self.focus_composer()

    def build_engine(self) -> None:
        """Build the local engine."""
        self._presenter.spawn(self._presenter.build_engine())

    def cancel_build(self) -> None:
        """Give the build up."""
        self._presenter.spawn(self._presenter.cancel_build())

    # Inside

    def _show_list(self) -> None:
        """The list makes room for the settings in a narrow window."""
        left = self.width() - self.list.width() - self.panel.width()
        least = max(self._themes.theme.scaled(LEAST_CHAT), self.pane.minimumSizeHint().width())
        self.list.setVisible(not self._at_welcome and not (self._panel_wanted and left < least))

    def _uncover_list(self) -> None:
        """The settings go, where the list had no room beside them."""
        if self.list.isHidden() and not self.panel.isHidden():
            self.toggle_panel()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc stops the answer wherever the keyboard is on this page."""
        if event.key() == Qt.Key.Key_Escape and self._presenter.state.live_here is not None:
            self._presenter.stop()
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """The keyboard begins in the composer."""
        super().showEvent(event)
        self.focus_composer()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The list is wider in a wide window."""
        super().resizeEvent(event)
        self.list.setFixedWidth(LIST_WIDTH_WIDE if self.width() >= WIDE_FROM else LIST_WIDTH)
        self._show_list()
