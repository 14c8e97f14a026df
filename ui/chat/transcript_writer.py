"""Makes a transcript's document show other messages, with the least change, and writes streamed text into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.chat.code_blocks import FOLDS_OVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from backend_embedded.contract.conversations import Message
    from ui.chat.code_blocks import CodeBlock
    from ui.chat.code_coloring import CodeColoring
    from ui.chat.frame_boxes import FrameBoxes
    from ui.chat.transcript_items import Item, TranscriptItems


class TranscriptWriter:
    """Writes into one document.

    Args:
        transcript: the messages of the document.
        head_of: name and caption over an answer.
        coloring: colours the code that is finished.
        boxes: forget where the frames of a message were when it changes.
        keep_place: does what it is given while what is in sight stays there.
    """

    def __init__(
        self,
        transcript: TranscriptItems,
        head_of: Callable[[Message], tuple[str, str]],
        coloring: CodeColoring,
        boxes: FrameBoxes,
        keep_place: Callable[[Callable[[], None]], None],
    ) -> None:
        self._transcript = transcript
        self._head_of = head_of
        self._coloring = coloring
        self._boxes = boxes
        self._keep_place = keep_place
        self.live: set[UUID] = set()
        """Answers that may still grow."""

    def goes_on(self, messages: Sequence[Message]) -> bool:
        """These begin as what is shown does, or have older ones before it."""
        shown, wanted = self._ids(), [message.id for message in messages]
        if not shown or not wanted:
            return False
        return shown[0] == wanted[0] or self._above(shown, wanted) > 0

    def show(self, messages: Sequence[Message], live: set[UUID] | frozenset[UUID]) -> None:
        """Make the document show these messages; those in `live` may still grow."""
        live_before, self.live = self.live, set(live)
        wanted = [message.id for message in messages]
        above = self._above(self._ids(), wanted)
        if above > 0:
            self._keep_place(lambda: self._prepend(messages[:above]))
        shown = self._ids()
        same = 0
        while same < min(len(shown), len(wanted)) and shown[same] == wanted[same]:
            same += 1
        for index in range(len(shown) - 1, same - 1, -1):
            self._transcript.remove(index)
        for index in range(same):
            self._refresh(index, messages[index], live_before)
        for message in messages[same:]:
            self._insert(len(self._transcript.items), message)
        self._boxes.forget()

    def feed(self, message_id: UUID, text: str) -> None:
        """Take streamed text; it is written by the next flush."""
        item = self._transcript.find(message_id)
        if item is not None and item.body is not None:
            item.body.feed(text)

    @property
    def wants_flush(self) -> bool:
        """Text waits to be written."""
        return any(item.body is not None and item.body.pending for item in reversed(self._transcript.items))

    def flush(self, selected_to: int | None) -> None:
        """Write what waits, unless the part that would be written anew lies before the end of a selection."""
        for item in reversed(self._transcript.items):
            body = item.body
            if body is None or not body.pending:
                continue
            if selected_to is None or selected_to <= body.tail_start:
                body.flush()
                self._after_write(item)

    def _ids(self) -> list[UUID]:
        return [item.message.id for item in self._transcript.items]

    @staticmethod
    def _above(shown: list[UUID], wanted: list[UUID]) -> int:
        """How many messages come before those that are shown, when nothing else differs; else 0."""
        grown = len(wanted) - len(shown)
        return grown if shown and grown > 0 and wanted[grown:] == shown else 0

    def _prepend(self, messages: Sequence[Message]) -> None:
        for message in reversed(messages):
            self._after_write(self._transcript.insert(0, message, live=False))

    def _insert(self, index: int, message: Message) -> None:
        self._after_write(self._transcript.insert(index, message, live=message.id in self.live))

    def _refresh(self, index: int, message: Message, live_before: set[UUID]) -> None:
        item = self._transcript.items[index]
        live, was_live = message.id in self.live, message.id in live_before
        if message == item.message and live == was_live:
            return
        head_changed = self._head_of(message) != self._head_of(item.message) and not live
        head_changed = head_changed or message.seams != item.message.seams
        head_changed = head_changed or message.attachments != item.message.attachments
        head_changed = head_changed or (bool(message.seams) and was_live and not live)
        if message.text == item.text and not head_changed and not (live and not was_live):
            item.message = message
            if item.body is not None and not live:
                item.body.finish()
                self._after_write(item)
            return
        same_seams = message.seams == item.message.seams
        if live and was_live and same_seams and item.body is not None and message.text == item.body.text:
            item.message = message
            return
        self._transcript.remove(index)
        self._insert(index, message)

    def _after_write(self, item: Item) -> None:
        self._boxes.forget_item(item)
        if item.body is None:
            return
        codes = list(item.body.newly_closed)
        item.body.newly_closed.clear()
        if item.message.id not in self.live:
            self._fold_long(item.body.code_blocks)
        self._coloring.add(codes)

    def _fold_long(self, codes: list[CodeBlock]) -> None:
        for code in codes:
            if code.line_count > FOLDS_OVER and not code.unfolded_by_user and not code.folded:
                code.set_folded(True)
