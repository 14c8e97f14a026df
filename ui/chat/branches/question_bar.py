"""The line under a question: its siblings, and edit, copy, branch; seen on hover and with the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.chat.answer_bar import QuietButton
from ui.chat.footer import sibling_place
from ui.widgets import Label

if TYPE_CHECKING:
    from uuid import UUID

    from PySide6.QtCore import QEvent

    from backend_embedded.contract.conversations import Message
    from ui.chat.state import ChatState
    from ui.chat.transcript_items import Item
    from ui.chat.transcript_view import TranscriptView
    from ui.theme import ThemeSource

HEIGHT = 24


class QuestionBar(QWidget):
    """Stands in the gap under a question's block."""

    copy_wanted = Signal(object)
    edit_wanted = Signal(object)
    branch_wanted = Signal(object)
    sibling_wanted = Signal(object, int)

    def __init__(self, message_id: UUID, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._id = message_id
        self._hovered = False
        self._previous = QuietButton("chevron-left", "Previous question", themes, size=14, box=24)
        self._next = QuietButton("chevron-right", "Next question", themes, size=14, box=24)
        self._place = Label("", themes, "caption", "text2", numbers=True)
        self._unseen = Label("", themes, "caption", "degraded")
        self._edit = QuietButton("pencil", "Edit and send again", themes, size=14, box=24)
        self._copy = QuietButton("copy", "Copy question", themes, size=14, box=24)
        self._branch = QuietButton("git-branch", "Branch from here", themes, size=14, box=24)
        self._actions = (self._edit, self._copy, self._branch)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget in (self._previous, self._place, self._next):
            row.addWidget(widget)
        row.addWidget(self._unseen)
        row.addStretch(1)
        for button in self._actions:
            row.addWidget(button)
        self._edit.clicked.connect(lambda: self.edit_wanted.emit(self._id))
        self._copy.clicked.connect(lambda: self.copy_wanted.emit(self._id))
        self._branch.clicked.connect(lambda: self.branch_wanted.emit(self._id))
        self._previous.clicked.connect(lambda: self.sibling_wanted.emit(self._id, -1))
        self._next.clicked.connect(lambda: self.sibling_wanted.emit(self._id, 1))

    def show_message(self, message: Message, *, can_ask: bool, unseen: bool) -> None:
        """Show place and actions; editing works only when `can_ask`."""
        self._id = message.id
        place, of = sibling_place(message)
        for widget in (self._previous, self._place, self._next):
            widget.setVisible(of > 1)
        self._place.setText(f"{place} / {of}")
        self._previous.setEnabled(place > 1 and can_ask)
        self._next.setEnabled(place < of and can_ask)
        self._edit.setEnabled(can_ask)
        self._unseen.setText("  Not seen by the model" if unseen else "")
        self._refresh()

    def set_hovered(self, hovered: bool) -> None:
        """The pointer is over the question."""
        self._hovered = hovered
        self._refresh()

    def _refresh(self) -> None:
        shown = self._hovered or any(button.hasFocus() for button in self._actions)
        for button in self._actions:
            button.set_faint(not shown)

    def event(self, event: QEvent) -> bool:
        """Actions show while the pointer is over them."""
        handled = super().event(event)
        if event.type() in (event.Type.Enter, event.Type.Leave):
            self.set_hovered(event.type() is event.Type.Enter)
        return handled


class QuestionBars(QObject):
    """Keeps a bar under each question in sight."""

    copy_wanted = Signal(object)
    edit_wanted = Signal(object)
    branch_wanted = Signal(object)
    sibling_wanted = Signal(object, int)

    def __init__(self, view: TranscriptView, themes: ThemeSource) -> None:
        super().__init__(view)
        self._view = view
        self._themes = themes
        self._bars: dict[UUID, QuestionBar] = {}
        self._spare: list[QuestionBar] = []
        self._hovered: UUID | None = None
        self._unseen: frozenset[UUID] = frozenset()
        self._can_ask = True
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.place)
        view.laid_out.connect(self._later.start)
        view.hovered.connect(self._hover)

    def bar_of(self, message_id: UUID) -> QuestionBar | None:
        """The bar of a question that is in sight."""
        return self._bars.get(message_id)

    def show_state(self, state: ChatState) -> None:
        """Follow what can be done and what the model saw."""
        context = state.transcript.last_context
        self._unseen = frozenset(context.unseen) if context is not None else frozenset()
        self._can_ask = not state.cannot_send
        for message_id, bar in self._bars.items():
            item = self._view.transcript.find(message_id)
            if item is not None:
                self._show(bar, item)
        self.place()

    def place(self) -> None:
        """Make what came into sight, move it, and let go of what left."""
        visible = [item for item in self._view.places.in_sight() if item.body is None]
        ids = {item.message.id for item in visible}
        for gone in [i for i in self._bars if i not in ids]:
            bar = self._bars.pop(gone)
            bar.hide()
            self._spare.append(bar)
        for item in visible:
            made = self._bars.get(item.message.id) or self._make(item)
            rect = self._view.places.of_frame(item.frame)
            made.setGeometry(QRect(0, round(rect.bottom()), self._view.viewport().width(), HEIGHT))
            made.show()

    def clear(self) -> None:
        """The document was made anew."""
        for bar in self._bars.values():
            bar.hide()
            bar.deleteLater()
        self._bars.clear()

    def _make(self, item: Item) -> QuestionBar:
        if self._spare:
            bar = self._bars[item.message.id] = self._spare.pop()
            self._show(bar, item)
            bar.set_hovered(item.message.id == self._hovered)
            return bar
        bar = self._bars[item.message.id] = QuestionBar(item.message.id, self._themes, self._view.viewport())
        bar.copy_wanted.connect(self.copy_wanted)
        bar.edit_wanted.connect(self.edit_wanted)
        bar.branch_wanted.connect(self.branch_wanted)
        bar.sibling_wanted.connect(self.sibling_wanted)
        self._show(bar, item)
        bar.set_hovered(item.message.id == self._hovered)
        return bar

    def _show(self, bar: QuestionBar, item: Item) -> None:
        bar.show_message(item.message, can_ask=self._can_ask, unseen=item.message.id in self._unseen)

    def _hover(self, message_id: UUID | None) -> None:
        for known, bar in self._bars.items():
            bar.set_hovered(known == message_id)
        self._hovered = message_id
