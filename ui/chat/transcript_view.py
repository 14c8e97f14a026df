"""One conversation as one text browser: streams in at the end, keeps selections, follows when at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QTextDocument
from PySide6.QtWidgets import QFrame, QTextBrowser

from ui.chat.above_steps import AboveSteps
from ui.chat.code_coloring import CodeColoring
from ui.chat.column import column_left, column_width
from ui.chat.document_style import CODE_KIND, DocumentStyle
from ui.chat.end_follower import EndFollower
from ui.chat.frame_boxes import FrameBoxes, paint_box, paint_caret, paint_code_edges
from ui.chat.highlight import Highlighter
from ui.chat.markdown_blocks import safe_link
from ui.chat.places import Places
from ui.chat.transcript_items import Item, TranscriptItems
from ui.chat.transcript_writer import TranscriptWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.conversations import Message
    from ui.theme import Theme

BOTTOM_GAP = 16


class TranscriptView(QTextBrowser):
    """Shows messages; `open_link` gets the addresses that may be opened outside."""

    older_wanted = Signal()
    following_changed = Signal(bool)
    laid_out = Signal()
    """Positions of messages changed: things that stand over them must move."""
    hovered = Signal(object)
    """Id of the message under the pointer, or None."""

    def __init__(
        self,
        theme: Theme,
        open_link: Callable[[str], object],
        head_of: Callable[[Message], tuple[str, str]],
        highlighter: Highlighter | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._open_link = open_link
        self._head_of = head_of
        self._highlighter = highlighter or Highlighter()
        self._coloring = CodeColoring(self._highlighter, self)
        self._end = EndFollower(self.verticalScrollBar())
        self._hovered: UUID | None = None
        self.above = AboveSteps(self.show_messages, self)
        self._set_up()
        self._theme = theme
        self._start_document(theme)

    def _set_up(self) -> None:
        self.setOpenLinks(False)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setAccessibleName("Conversation")
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.viewport().setAutoFillBackground(False)
        self.setStyleSheet("QTextBrowser { background: transparent; border: none; }")
        self.anchorClicked.connect(self._follow_link)
        self.selectionChanged.connect(self._selection_changed)
        self._end.following_changed.connect(self.following_changed)
        self._end.near_top.connect(self._ask_for_older)
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._moved)
        bar.rangeChanged.connect(self._center)
        bar.installEventFilter(self)

    def _start_document(self, theme: Theme) -> None:
        document = QTextDocument(self)
        document.setUndoRedoEnabled(False)
        document.setDocumentMargin(0)
        document.setIndentWidth(22)
        document.setDefaultFont(theme.font("message"))
        # Qt deletes the document before this one, because the view is its parent.
        self.setDocument(document)
        self._coloring.clear()
        style = DocumentStyle(theme)
        self.transcript = TranscriptItems(document, style, self._highlighter, self._head_of)
        self.places = Places(self, self.transcript)
        self._boxes = FrameBoxes(self.places)
        self._writer = TranscriptWriter(
            self.transcript, self._head_of, self._coloring, self._boxes, self._keeping_place
        )
        document.documentLayout().documentSizeChanged.connect(self._moved)

    # Content

    @property
    def following(self) -> bool:
        """The view stays at the end when text arrives."""
        return self._end.following

    @property
    def items(self) -> list[Item]:
        """The messages that are in the document."""
        return self.transcript.items

    def set_theme(self, theme: Theme) -> None:
        """Lay everything out again in other colours and sizes."""
        self._theme = theme
        place = self.verticalScrollBar().value()
        messages = [item.message.model_copy(update={"text": item.text}) for item in self.items]
        live = self._writer.live
        self._start_document(theme)
        following = self._end.following
        self.show_messages(messages, live)
        if not following:
            self.verticalScrollBar().setValue(place)

    def show_messages(self, messages: Sequence[Message], live: set[UUID] | frozenset[UUID]) -> None:
        """Make the document show these messages with the least change; those in `live` may still grow."""
        messages = self.above.limited(messages, live, [item.message.id for item in self.items])
        if not self._writer.goes_on(messages):
            self._end.begin_anew()
        self._writer.show(messages, live)
        self._end.keep_end()
        self.viewport().update()
        self.laid_out.emit()

    def feed(self, message_id: UUID, text: str) -> None:
        """Take streamed text; it is written by the next flush."""
        self._writer.feed(message_id, text)

    @property
    def wants_flush(self) -> bool:
        """Text waits to be written."""
        return self._writer.wants_flush

    @property
    def is_coloring(self) -> bool:
        """Code is still being coloured, some lines at a time."""
        return self._coloring.is_active

    def flush(self) -> None:
        """Write what waits, unless the user is selecting in the part that would be written anew."""
        cursor = self.textCursor()
        self._writer.flush(cursor.selectionEnd() if cursor.hasSelection() else None)
        self._end.keep_end()
        if not self._end.following:
            self.laid_out.emit()

    def copy_text(self, text: str) -> None:
        """Put text on the clipboard."""
        QGuiApplication.clipboard().setText(text)

    def to_end(self) -> None:
        """Go to the end and follow it again."""
        self._end.to_end()

    def blocks_laid_out(self) -> int:
        """Text blocks in the document; bounds the work of opening a conversation."""
        return self.document().blockCount()

    # For what stands over the text

    def set_room_below(self, item: Item, room: float) -> None:
        """Keep room for a card under an answer."""
        if item.body is not None:
            item.body.set_room_below(room)
            self._boxes.forget()
            self._end.keep_end()

    def code_changed(self) -> None:
        """A code block was wrapped, folded or unfolded."""
        self._boxes.forget()
        self.viewport().update()
        self.laid_out.emit()

    # Inside

    def _keeping_place(self, work: Callable[[], None]) -> None:
        """Do what puts text above what is in sight, which stays where it is."""
        bar = self.verticalScrollBar()
        before = self.document().size().height()
        value = bar.value()
        work()
        grown = self.document().size().height() - before
        bar.setValue(round(value + grown))

    def _selection_changed(self) -> None:
        if not self.textCursor().hasSelection():
            self.flush()

    def _follow_link(self, url: QUrl) -> None:
        address = url.toString()
        if safe_link(address):
            self._open_link(address)

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: N802
        """Nothing that a model wrote is ever loaded."""
        return None

    def _ask_for_older(self) -> None:
        if self.items:
            self.older_wanted.emit()

    def scroll_to(self, value: int) -> None:
        """Scroll there as the user would."""
        with self._end.by_user():
            self.verticalScrollBar().setValue(value)

    def _moved(self, _what: object) -> None:
        self.laid_out.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The lane of the scroll bar came or went: the column stays where it is."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._center()
        return super().eventFilter(watched, event)

    def _center(self, *_range: int) -> None:
        bar = self.verticalScrollBar()
        lane = bar.sizeHint().width() if bar.isVisible() else 0
        left = column_left(self.width())
        width = column_width(self.width())
        self.setViewportMargins(left, 0, max(0, self.width() - left - width - lane), BOTTOM_GAP)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Centre the column again."""
        self._center()
        super().resizeEvent(event)
        self._boxes.forget()
        self._end.keep_end()
        self.laid_out.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll; sizes of text are changed in the settings, not by Ctrl and the wheel."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        with self._end.by_user():
            super().wheelEvent(event)
        if event.angleDelta().y() > 0 and self.verticalScrollBar().maximum() == 0:
            # Nothing to scroll yet, but there may be more above.
            self._end.ask_above()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Keys scroll too."""
        with self._end.by_user():
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say which message the pointer is over."""
        with self._end.by_user(bool(event.buttons())):
            super().mouseMoveEvent(event)
        self._hover(event.position())

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """The pointer is over no message now."""
        super().leaveEvent(event)
        if not self.rect().contains(self.mapFromGlobal(self.cursor().pos())):
            self._tell_hovered(None)

    def _hover(self, position: QPointF) -> None:
        under = next((i for i in self.places.in_sight() if self.places.of_item(i).contains(position)), None)
        self._tell_hovered(under.message.id if under is not None else None)

    def _tell_hovered(self, message_id: UUID | None) -> None:
        if message_id != self._hovered:
            self._hovered = message_id
            self.hovered.emit(message_id)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the blocks behind the text, the text, and the caret of an answer that is being written."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for kind, rect in self._boxes.within(QRectF(event.rect())):
            paint_box(painter, kind, rect, self._theme)
        painter.end()
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        for kind, rect in self._boxes.within(QRectF(event.rect())):
            if kind == CODE_KIND:
                paint_code_edges(painter, rect, self._theme)
        self._paint_caret(painter)
        painter.end()

    def _paint_caret(self, painter: QPainter) -> None:
        for item in self.items[-1:]:
            if item.body is not None and item.message.id in self._writer.live and item.body.text:
                cursor = self.cursorRect(item.body.end_cursor())
                paint_caret(painter, cursor, self.viewport().width(), self._theme)
