"""What stands under an answer besides its figures: the context mark, the tree of a structured answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.generation import Role
from ui.chat.context.context_mark import ContextMark
from ui.chat.settings_panel.answer_tree import AnswerTree
from ui.chat.settings_panel.parameters import answer_value

if TYPE_CHECKING:
    from uuid import UUID

    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.context import AnswerContext
    from backend_embedded.contract.conversations import Message
    from ui.chat.state import ChatState
    from ui.theme import ThemeSource


class AnswerExtras(QObject):
    """Says which answers have something under them, and makes it."""

    change_wanted = Signal()
    summary_edited = Signal(object, str)
    resized = Signal()

    def __init__(self, themes: ThemeSource, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes
        self._context: AnswerContext | None = None
        self._marked: UUID | None = None
        self._answer: UUID | None = None
        self._structured = False

    def show_state(self, state: ChatState) -> None:
        """Follow what the last answer was made of, and whether answers have a schema."""
        context = self._context = state.transcript.last_context
        last = state.transcript.last_answer
        self._answer = last.id if last is not None else None
        unseen = set(context.unseen) if context is not None else set()
        above = [m.id for m in state.transcript.messages if m.id in unseen and m.role is Role.ASSISTANT]
        self._marked = above[-1] if above else None
        self._structured = state.settings.options.json_schema is not None

    def key_of(self, message: Message) -> object:
        """What stands under this answer; None: nothing. Another key is another widget."""
        if message.id == self._marked and self._context is not None:
            summary = self._context.summary
            return ("context", self._context.unseen, summary.text if summary else None)
        if self._structured and message.status is MessageStatus.COMPLETE and answer_value(message.text)[0]:
            return ("tree", message.text)
        return None

    def make(self, message: Message, parent: QWidget) -> QWidget:
        """The widget for this answer."""
        if message.id == self._marked and self._context is not None:
            mark = ContextMark(self._context, self._themes, parent)
            mark.change_wanted.connect(self.change_wanted)
            mark.summary_edited.connect(lambda text: self.summary_edited.emit(self._answer, text))
            mark.resized.connect(self.resized)
            return mark
        tree = AnswerTree(answer_value(message.text)[1], self._themes, parent)
        tree.resized.connect(self.resized)
        return tree
