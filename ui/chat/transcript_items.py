"""The messages of a conversation in one text document: put in, written on, taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QTextCursor

from backend_embedded.contract.generation import Role
from ui.chat.answer_body import AnswerBody
from ui.chat.block_writer import BlockWriter
from ui.chat.branches.seams import with_seams
from ui.chat.document_style import ANSWER_KIND, BAR_HEIGHT, USER_KIND
from ui.chat.files.files_state import caption as files_caption

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QTextDocument, QTextFrame

    from backend_embedded.contract.conversations import Message
    from ui.chat.document_style import DocumentStyle
    from ui.chat.highlight import Highlighter


@dataclass
class Item:
    """One message in the document."""

    message: Message
    frame: QTextFrame
    body: AnswerBody | None
    """None for a question."""

    @property
    def text(self) -> str:
        """The text that the document shows (or will at the next flush)."""
        return self.body.text if self.body is not None else self.message.text


class TranscriptItems:
    """Keeps the items in the order of the document. `head_of` gives name and caption of an answer."""

    def __init__(
        self,
        document: QTextDocument,
        style: DocumentStyle,
        highlighter: Highlighter,
        head_of: Callable[[Message], tuple[str, str]],
    ) -> None:
        self._document = document
        self._style = style
        self._highlighter = highlighter
        self._head_of = head_of
        self.items: list[Item] = []
        self.bar_height = style.scaled(BAR_HEIGHT)
        """Height of the empty line under an answer, in pixels."""
        self.rendered = 0
        """Messages that were laid into the document since it was made; bounds the work of opening."""
        QTextCursor(document).setBlockFormat(style.spacer())

    def find(self, message_id: object) -> Item | None:
        """The item of that message."""
        return next((item for item in reversed(self.items) if item.message.id == message_id), None)

    def last_answer(self) -> Item | None:
        """The last answer in the document."""
        return next((item for item in reversed(self.items) if item.body is not None), None)

    def insert(self, index: int, message: Message, *, live: bool) -> Item:
        """Lay a message into the document before the item at `index`; a live answer may grow."""
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        if index < len(self.items):
            cursor.setPosition(self.items[index].frame.firstPosition() - 1)
        else:
            cursor.movePosition(QTextCursor.MoveOperation.End)
        if message.role is Role.ASSISTANT:
            item = self._insert_answer(cursor, message, live=live)
        else:
            item = self._insert_question(cursor, message)
        behind = QTextCursor(self._document)
        behind.setPosition(item.frame.lastPosition() + 1)
        behind.setBlockFormat(self._style.spacer())
        cursor.endEditBlock()
        self.items.insert(index, item)
        self.rendered += 1
        return item

    def remove(self, index: int) -> None:
        """Take the item at `index` out of the document."""
        item = self.items.pop(index)
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        cursor.setPosition(item.frame.firstPosition() - 1)
        cursor.setPosition(item.frame.lastPosition() + 1, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        cursor.setBlockFormat(self._style.spacer())
        cursor.endEditBlock()

    def _insert_question(self, cursor: QTextCursor, message: Message) -> Item:
        frame = cursor.insertFrame(self._style.frame(USER_KIND))
        writer = BlockWriter(frame.firstCursorPosition(), self._style, fresh=True)
        look = self._style.text()
        for line in message.text.rstrip("\n").split("\n"):
            writer.begin_block(self._style.block(22), look)
            writer.cursor.insertText(line, look)
        if message.attachments:
            quiet = self._style.text("caption", "text2")
            writer.begin_block(self._style.block(18, above=4), quiet)
            writer.cursor.insertText(files_caption(message.attachments), quiet)
        return Item(message, frame, None)

    def _insert_answer(self, cursor: QTextCursor, message: Message, *, live: bool) -> Item:
        frame = cursor.insertFrame(self._style.frame(ANSWER_KIND))
        writer = BlockWriter(frame.firstCursorPosition(), self._style, fresh=True)
        name, caption = self._head_of(message)
        label = self._style.text("label", "text2")
        label.setFontWeight(600)
        writer.begin_block(self._style.block(22, below=4), label)
        writer.cursor.insertText(name, label)
        if caption:
            writer.cursor.insertText(f"   {caption}", self._style.text("caption", "text3"))
        body = AnswerBody(frame, writer.cursor, self._style, self._highlighter)
        if message.text:
            body.feed_marked(message.text, with_seams(message.text, message.seams))
        if live:
            body.open_bar()
            body.flush()
        else:
            body.finish()
        return Item(message, frame, body)
