"""Keeps the real widgets of a transcript (footers, error cards, code controls) over their places in the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, QTimer, Signal

from backend_embedded.contract.conversations import MessageStatus
from ui.chat import failures
from ui.chat.answer_bar import AnswerBar
from ui.chat.answer_extras import AnswerExtras
from ui.chat.code_head import CodeHead
from ui.chat.footer import footer
from ui.widgets import ErrorCard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.models import Model
    from ui.chat.code_blocks import CodeBlock
    from ui.chat.live_answer import LiveAnswer
    from ui.chat.transcript_items import Item
    from ui.chat.transcript_view import TranscriptView
    from ui.theme import ThemeSource

CARD_GAP = 8


class Overlays(QObject):
    """Makes widgets for the answers in sight and moves them when the text moves."""

    copy_wanted = Signal(object)
    again_wanted = Signal(object)
    again_with_wanted = Signal(object, str)
    branch_wanted = Signal(object)
    continue_wanted = Signal(object)
    sibling_wanted = Signal(object, int)
    log_wanted = Signal()

    def __init__(self, view: TranscriptView, themes: ThemeSource) -> None:
        super().__init__(view)
        self.extras = AnswerExtras(themes, self)
        self.models: tuple[Model, ...] = ()
        self._card_keys: dict[UUID, object] = {}
        self._spare_bars: list[AnswerBar] = []
        self._view = view
        self._themes = themes
        self._live: Mapping[UUID, LiveAnswer] = {}
        self._bars: dict[UUID, AnswerBar] = {}
        self._cards: dict[UUID, QWidget] = {}
        self._heads: dict[CodeBlock, CodeHead] = {}
        self._hovered: UUID | None = None
        self._can_answer = True
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.place)
        view.laid_out.connect(self._later.start)
        view.hovered.connect(self._hover)
        self.extras.resized.connect(self._later.start)

    def show_state(self, live: Mapping[UUID, LiveAnswer], *, can_answer: bool) -> None:
        """Follow the progress of answers; Continue and Ask again work only when `can_answer`."""
        if can_answer != self._can_answer:
            self._can_answer = can_answer
            self._drop(self._cards)
        self._live = live
        self._drop_outdated_cards()
        for message_id, bar in self._bars.items():
            item = self._view.transcript.find(message_id)
            if item is not None:
                self._show_bar(bar, item)
        self.place()

    def show_progress(self, live: Mapping[UUID, LiveAnswer]) -> None:
        """Show other numbers under the answers that are being made."""
        self._live = live
        for message_id, answer in live.items():
            bar = self._bars.get(message_id)
            item = self._view.transcript.find(message_id) if bar is not None else None
            if bar is not None and item is not None:
                bar.show_footer(footer(item.message, answer))

    def clear(self) -> None:
        """Take every widget away; the document was made anew."""
        self._drop(self._bars)
        self._drop(self._cards)
        for head in self._heads.values():
            head.leave()
        self._heads.clear()

    def place(self) -> None:
        """Make what came into sight, move it, and let go of what left."""
        visible = [item for item in self._view.places.in_sight() if item.body is not None]
        ids = {item.message.id for item in visible}
        for gone in [i for i in self._bars if i not in ids and not self._has_focus(self._bars[i])]:
            self._spare_bars.append(self._bars.pop(gone))
            self._spare_bars[-1].hide()
        for gone in [i for i in self._cards if i not in ids]:
            self._discard(self._cards.pop(gone))
        # Cards first: they change how much room there is.
        for item in visible:
            self._place_card(item)
        for item in visible:
            self._place_bar(item)
        self._place_heads(visible)

    def bar_of(self, message_id: UUID) -> AnswerBar | None:
        """The footer of an answer that is in sight."""
        return self._bars.get(message_id)

    def card_of(self, message_id: UUID) -> QWidget | None:
        """The error card of an answer that is in sight."""
        return self._cards.get(message_id)

    def _place_bar(self, item: Item) -> None:
        bar = self._bars.get(item.message.id)
        if bar is None:
            bar = self._bars[item.message.id] = self._make_bar(item)
        rect = self._view.places.bar(item)
        bar.setGeometry(rect.toRect())
        bar.show()

    def _make_bar(self, item: Item) -> AnswerBar:
        if self._spare_bars:
            # Making one takes longer than a frame may when several come into sight.
            spare = self._spare_bars.pop()
            self._show_bar(spare, item)
            return spare
        bar = AnswerBar(item.message.id, self._themes, self._view.viewport())
        bar.copy_wanted.connect(self.copy_wanted)
        bar.again_wanted.connect(self.again_wanted)
        bar.again_with_wanted.connect(self.again_with_wanted)
        bar.branch_wanted.connect(self.branch_wanted)
        bar.continue_wanted.connect(self.continue_wanted)
        bar.sibling_wanted.connect(self.sibling_wanted)
        self._show_bar(bar, item)
        return bar

    def _show_bar(self, bar: AnswerBar, item: Item) -> None:
        last = self._view.transcript.last_answer()
        live = self._live.get(item.message.id)
        bar.models = self.models
        bar.show_message(item.message, live, last=last is item, can_answer=self._can_answer)
        bar.set_hovered(item.message.id == self._hovered)

    def _card_key(self, item: Item) -> object:
        """What stands under an answer; None: nothing."""
        if item.message.id in self._live:
            return None
        if item.message.status is MessageStatus.INCOMPLETE:
            return "error"
        return self.extras.key_of(item.message)

    def _place_card(self, item: Item) -> None:
        key = self._card_key(item)
        if key != self._card_keys.get(item.message.id) and item.message.id in self._cards:
            self._discard(self._cards.pop(item.message.id))
        self._card_keys[item.message.id] = key
        if key is None:
            card = self._cards.pop(item.message.id, None)
            if card is not None:
                self._discard(card)
            self._view.set_room_below(item, 0)
            return
        card = self._cards.get(item.message.id)
        if card is None:
            card = self._cards[item.message.id] = self._make_card(item)
        width = self._view.viewport().width()
        height = card.heightForWidth(width) if card.hasHeightForWidth() else card.sizeHint().height()
        self._view.set_room_below(item, height + 2 * CARD_GAP)
        bar = self._view.places.bar(item)
        card.setGeometry(QRect(0, round(bar.bottom()) + CARD_GAP, width, height))
        card.show()

    def _make_card(self, item: Item) -> QWidget:
        message = item.message
        if message.status is not MessageStatus.INCOMPLETE:
            return self.extras.make(message, self._view.viewport())
        failure = failures.of_answer(message)
        actions: list[tuple[str, Callable[[], object]]] = []
        if self._can_answer:
            if message.text:
                actions.append(("Continue answer", lambda: self.continue_wanted.emit(message.id)))
            actions.append(("Ask again", lambda: self.again_wanted.emit(message.id)))
        actions.append(("Show log", self.log_wanted.emit))
        return ErrorCard(failure.title, failure.lines, actions, self._themes, self._view.viewport())

    def _place_heads(self, visible: list[Item]) -> None:
        height = self._view.viewport().height()
        kept: dict[CodeBlock, CodeHead] = {}
        for item in visible:
            for code in item.body.code_blocks if item.body is not None else ():
                rect = self._view.places.code(code.frame)
                if rect.bottom() < 0 or rect.top() > height:
                    continue
                head = self._heads.pop(code, None) or self._make_head(code)
                head.place(rect)
                kept[code] = head
        for head in self._heads.values():
            head.leave()
        self._heads = kept

    def _make_head(self, code: CodeBlock) -> CodeHead:
        head = CodeHead(code, self._themes, self._view.copy_text, self._view.viewport())
        head.changed.connect(self._view.code_changed)
        return head

    def _hover(self, message_id: UUID | None) -> None:
        for known, bar in self._bars.items():
            bar.set_hovered(known == message_id)
        self._hovered = message_id

    def _drop_outdated_cards(self) -> None:
        """Cards say what a message's error says; an answer that failed anew gets a new card."""
        for message_id in [i for i in self._cards if i in self._live]:
            self._discard(self._cards.pop(message_id))

    def _drop(self, widgets: dict[UUID, AnswerBar] | dict[UUID, QWidget]) -> None:
        for widget in widgets.values():
            self._discard(widget)
        widgets.clear()

    @staticmethod
    def _discard(widget: QWidget) -> None:
        widget.hide()
        widget.deleteLater()

    @staticmethod
    def _has_focus(widget: QWidget) -> bool:
        return widget.isAncestorOf(focus) if (focus := widget.window().focusWidget()) else False
