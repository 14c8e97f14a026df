"""The line under an answer: siblings, facts, and its actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from backend_embedded.contract.conversations import MessageStatus
from backend_embedded.contract.generation import FinishReason
from ui.chat.footer import Footer, footer, sibling_place
from ui.widgets import ElidedLabel, IconButton, Label

if TYPE_CHECKING:
    from uuid import UUID

    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.conversations import Message
    from backend_embedded.contract.models import Model
    from ui.chat.live_answer import LiveAnswer
    from ui.theme import ThemeSource


class QuietButton(IconButton):
    """An icon button that may be unseen and still be reached by Tab; with the focus it is seen.

    A click leaves the keyboard where it is: whoever clicks here goes on typing in the composer.
    """

    faint = False

    def __init__(self, icon: str, name: str, themes: ThemeSource, *, size: int = 16, box: int = 28) -> None:
        super().__init__(icon, name, themes, size=size, box=box)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_faint(self, faint: bool) -> None:
        """Show nothing, or show the button again."""
        if faint != self.faint:
            self.faint = faint
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The button, unless it is faint and has no focus."""
        if not self.faint or self.hasFocus():
            super().paintEvent(event)


class AnswerBar(QWidget):
    """Stands over the empty line that the document keeps under an answer."""

    copy_wanted = Signal(object)
    again_wanted = Signal(object)
    again_with_wanted = Signal(object, str)
    branch_wanted = Signal(object)
    continue_wanted = Signal(object)
    sibling_wanted = Signal(object, int)

    def __init__(self, message_id: UUID, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._id = message_id
        self._last = self._hovered = self._live = False
        self._can_continue = self._can_answer = False
        self.models: tuple[Model, ...] = ()
        """Those that another answer can be asked of."""
        self._build(themes)

    def _build(self, themes: ThemeSource) -> None:
        self._previous = QuietButton("chevron-left", "Previous answer", themes, size=14, box=24)
        self._next = QuietButton("chevron-right", "Next answer", themes, size=14, box=24)
        self._place = Label("", themes, "caption", "text2", numbers=True)
        self._reason = Label("", themes, "caption", "degraded")
        self._facts = ElidedLabel("", themes, "caption", "text3", numbers=True)
        self._copy = QuietButton("copy", "Copy answer", themes, size=14, box=24)
        self._again = QuietButton("refresh-cw", "Ask again", themes, size=14, box=24)
        self._more = QuietButton("ellipsis", "More", themes, size=14, box=24)
        self._branch = QuietButton("git-branch", "Branch from here", themes, size=14, box=24)
        self._actions = (self._copy, self._again, self._branch, self._more)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for widget in (self._previous, self._place, self._next):
            row.addWidget(widget)
        row.addSpacing(0)
        row.addWidget(self._reason)
        row.addWidget(self._facts, 1)
        for button in self._actions:
            row.addWidget(button)
        self._copy.clicked.connect(lambda: self.copy_wanted.emit(self._id))
        self._again.clicked.connect(lambda: self.again_wanted.emit(self._id))
        self._branch.clicked.connect(lambda: self.branch_wanted.emit(self._id))
        self._more.clicked.connect(self._open_menu)
        self._previous.clicked.connect(lambda: self.sibling_wanted.emit(self._id, -1))
        self._next.clicked.connect(lambda: self.sibling_wanted.emit(self._id, 1))

    def show_message(
        self, message: Message, live: LiveAnswer | None, *, last: bool, can_answer: bool
    ) -> None:
        """Show facts and actions of this answer; Ask again and Continue work only when `can_answer`."""
        self._id = message.id
        place, of = sibling_place(message)
        several = of > 1 and live is None
        for widget in (self._previous, self._place, self._next):
            widget.setVisible(several)
        self._place.setText(f"{place} / {of}  ")
        self._previous.setEnabled(place > 1)
        self._next.setEnabled(place < of)
        self._live = live is not None
        self._last = last
        length = message.stats is not None and message.stats.finish_reason is FinishReason.LENGTH
        cut = message.status in (MessageStatus.INCOMPLETE, MessageStatus.STOPPED)
        self._can_answer = live is None and can_answer
        self._can_continue = self._can_answer and (cut or length)
        self.show_footer(footer(message, live), indented=several)
        self._refresh_actions()

    def show_footer(self, line: Footer, *, indented: bool = False) -> None:
        """Show another line of facts."""
        self._reason.setText(line.reason + " ·" if line.reason and line.facts else line.reason)
        self._reason.setVisible(bool(line.reason))
        self._facts.set_whole_text(("  " if indented else " " if line.reason else "") + line.facts)
        self._facts.setToolTip(f"{line.reason} {line.facts}".strip())

    def set_hovered(self, hovered: bool) -> None:
        """The pointer is over the answer."""
        self._hovered = hovered
        self._refresh_actions()

    def _refresh_actions(self) -> None:
        shown = not self._live and (self._last or self._hovered or self._focused())
        for button in self._actions:
            button.set_faint(not shown)
            button.setEnabled(not self._live and (button is not self._again or self._can_answer))

    def _focused(self) -> bool:
        return any(button.hasFocus() for button in self._actions)

    def event(self, event: QEvent) -> bool:
        """Actions show while one of them has the focus."""
        handled = super().event(event)
        if event.type() in (event.Type.Enter, event.Type.Leave):
            self.set_hovered(event.type() is event.Type.Enter)
        return handled

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy as Markdown", lambda: self.copy_wanted.emit(self._id))
        again = menu.addAction("Ask again", lambda: self.again_wanted.emit(self._id))
        again.setEnabled(self._can_answer)
        others = menu.addMenu("Ask again with")
        others.setEnabled(self._can_answer and bool(self.models))
        for model in (m for m in self.models if m.problem is None):
            asked = others.addAction(model.title)
            asked.triggered.connect(
                lambda _=False, name=model.name: self.again_with_wanted.emit(self._id, name)
            )
        menu.addAction("Branch from here", lambda: self.branch_wanted.emit(self._id))
        go_on = menu.addAction("Continue answer", lambda: self.continue_wanted.emit(self._id))
        go_on.setEnabled(self._can_continue)
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))
