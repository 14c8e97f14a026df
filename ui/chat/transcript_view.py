"""One conversation as one text browser: streams in at the end, keeps selections, follows when at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QTextDocument
from PySide6.QtWidgets import QFrame, QTextBrowser

from backend_embedded.contract.generation import Role
from ui.chat.code_blocks import FOLDS_OVER
from ui.chat.document_style import CODE_KIND, KIND, QUOTE_KIND, USER_KIND, DocumentStyle
from ui.chat.highlight import Highlighter
from ui.chat.markdown_blocks import safe_link
from ui.chat.transcript_items import Item, TranscriptItems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QTextFrame, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.conversations import Message
    from ui.chat.code_blocks import CodeBlock
    from ui.theme import Theme

COLUMN = 720
MARGIN = 24
TOP_GAP = 0
BOTTOM_GAP = 16
SCROLL_LANE = 12
NEAR_END = 8
"""Pixels from the bottom within which the view follows new text."""
LOAD_ABOVE = 400
"""Pixels from the top at which older messages are asked for."""
COLORED_LINES_PER_STEP = 60


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
        self._following = True
        self._by_user = False
        self._live: set[UUID] = set()
        self._boxes: dict[int, list[tuple[int, QRectF]]] = {}
        self._coloring: list[Iterator[None]] = []
        self._color_timer = QTimer(self)
        self._color_timer.setInterval(0)
        self._color_timer.timeout.connect(self._color_some)
        self._hovered: UUID | None = None
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
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.actionTriggered.connect(self._user_scrolls)
        bar.installEventFilter(self)
        bar.rangeChanged.connect(self._range_changed)
        self.selectionChanged.connect(self._selection_changed)

    def _start_document(self, theme: Theme) -> None:
        document = QTextDocument(self)
        document.setUndoRedoEnabled(False)
        document.setDocumentMargin(0)
        document.setIndentWidth(22)
        document.setDefaultFont(theme.font("message"))
        # Qt deletes the document before this one, because the view is its parent.
        self.setDocument(document)
        self._coloring.clear()
        self._boxes.clear()
        style = DocumentStyle(theme)
        self.transcript = TranscriptItems(document, style, self._highlighter, self._head_of)
        document.documentLayout().documentSizeChanged.connect(self._layout_changed)

    # Content

    @property
    def following(self) -> bool:
        """The view stays at the end when text arrives."""
        return self._following

    @property
    def items(self) -> list[Item]:
        """The messages that are in the document."""
        return self.transcript.items

    def set_theme(self, theme: Theme) -> None:
        """Lay everything out again in other colours and sizes."""
        self._theme = theme
        place = self.verticalScrollBar().value()
        messages = [item.message.model_copy(update={"text": item.text}) for item in self.items]
        self._start_document(theme)
        following = self._following
        self.show_messages(messages, self._live)
        if not following:
            self.verticalScrollBar().setValue(place)

    def show_messages(self, messages: Sequence[Message], live: set[UUID] | frozenset[UUID]) -> None:
        """Make the document show these messages with the least change; those in `live` may still grow."""
        live_before, self._live = self._live, set(live)
        shown = [item.message.id for item in self.items]
        wanted = [message.id for message in messages]
        grown_above = len(wanted) - len(shown)
        if shown and grown_above > 0 and wanted[grown_above:] == shown:
            self._prepend(messages[:grown_above])
            shown = wanted
        same = 0
        while same < min(len(shown), len(wanted)) and shown[same] == wanted[same]:
            same += 1
        if same == 0:
            self._following = True
        for index in range(len(shown) - 1, same - 1, -1):
            self.transcript.remove(index)
        for index in range(same):
            self._refresh(index, messages[index], live_before)
        for message in messages[same:]:
            item = self.transcript.insert(len(self.items), message, live=message.id in self._live)
            self._after_write(item)
        self._boxes.clear()
        self._keep_end()
        self.viewport().update()
        self.laid_out.emit()

    def feed(self, message_id: UUID, text: str) -> None:
        """Take streamed text; it is written by the next flush."""
        item = self.transcript.find(message_id)
        if item is not None and item.body is not None:
            item.body.feed(text)

    @property
    def wants_flush(self) -> bool:
        """Text waits to be written."""
        return any(item.body is not None and item.body.pending for item in reversed(self.items))

    @property
    def is_coloring(self) -> bool:
        """Code is still being coloured, some lines at a time."""
        return self._color_timer.isActive()

    def flush(self) -> None:
        """Write what waits, unless the user is selecting in the part that would be written anew."""
        for item in reversed(self.items):
            if item.body is not None and item.body.pending and not self._selecting_in(item):
                item.body.flush()
                self._after_write(item)
        self._keep_end()
        if not self._following:
            self.laid_out.emit()

    def copy_text(self, text: str) -> None:
        """Put text on the clipboard."""
        from PySide6.QtGui import QGuiApplication

        QGuiApplication.clipboard().setText(text)

    def to_end(self) -> None:
        """Go to the end and follow it again."""
        self._set_following(True)
        self._keep_end()

    # Geometry for what stands over the text

    def bar_rect(self, item: Item) -> QRectF:
        """The footer's line of an answer, in the viewport's coordinates."""
        assert item.body is not None
        height = self.transcript.bar_height
        # The bar is the last line of the answer's frame; the room for a card is the frame's margin.
        frame = _inner(self.document().documentLayout().frameBoundingRect(item.frame), item.frame)
        return QRectF(0, frame.bottom() - height - self._offset(), self.viewport().width(), height)

    def code_rect(self, frame: QTextFrame) -> QRectF:
        """A code block without its margins, in the viewport's coordinates, cut at the column's edge."""
        rect = _inner(self.document().documentLayout().frameBoundingRect(frame), frame)
        rect.setRight(min(rect.right(), self.viewport().width()))
        return rect.translated(0, -self._offset())

    def item_rect(self, item: Item) -> QRectF:
        """A whole message, in the viewport's coordinates."""
        return self.document().documentLayout().frameBoundingRect(item.frame).translated(0, -self._offset())

    def visible_items(self) -> list[Item]:
        """The messages of which a part is in sight."""
        height = self.viewport().height()
        found: list[Item] = []
        for item in reversed(self.items):
            rect = self.item_rect(item)
            if rect.bottom() < 0:
                break
            if rect.top() <= height:
                found.append(item)
        return found

    def set_room_below(self, item: Item, room: float) -> None:
        """Keep room for a card under an answer."""
        if item.body is not None:
            item.body.set_room_below(room)
            self._boxes.clear()
            self._keep_end()

    def code_changed(self) -> None:
        """A code block was wrapped, folded or unfolded."""
        self._boxes.clear()
        self.viewport().update()
        self.laid_out.emit()

    # Inside

    def _refresh(self, index: int, message: Message, live_before: set[UUID]) -> None:
        item = self.items[index]
        if message == item.message and (message.id in self._live) == (message.id in live_before):
            return
        live, was_live = message.id in self._live, message.id in live_before
        head_changed = self._head_of(message) != self._head_of(item.message) and not live
        if message.text == item.text and not head_changed and not (live and not was_live):
            item.message = message
            if item.body is not None and not live:
                item.body.finish()
                self._after_write(item)
            return
        if live and was_live and item.body is not None and message.text == item.body.text:
            item.message = message
            return
        self.transcript.remove(index)
        self._after_write(self.transcript.insert(index, message, live=live))

    def _prepend(self, messages: Sequence[Message]) -> None:
        bar = self.verticalScrollBar()
        before = self.document().size().height()
        value = bar.value()
        for message in reversed(messages):
            self._after_write(self.transcript.insert(0, message, live=False))
        grown = self.document().size().height() - before
        bar.setValue(round(value + grown))

    def _after_write(self, item: Item) -> None:
        self._boxes.pop(id(item), None)
        if item.body is None:
            return
        for code in item.body.newly_closed:
            self._coloring.append(code.color_steps(self._highlighter, COLORED_LINES_PER_STEP))
        item.body.newly_closed.clear()
        if item.message.id not in self._live:
            self._fold_long(item.body.code_blocks)
        if self._coloring and not self._color_timer.isActive():
            self._color_timer.start()

    def _fold_long(self, codes: list[CodeBlock]) -> None:
        for code in codes:
            if code.line_count > FOLDS_OVER and not code.unfolded_by_user and not code.folded:
                code.set_folded(True)

    def _color_some(self) -> None:
        while self._coloring:
            try:
                next(self._coloring[0])
            except StopIteration:
                self._coloring.pop(0)
                continue
            return
        self._color_timer.stop()

    def _selecting_in(self, item: Item) -> bool:
        cursor = self.textCursor()
        return (
            cursor.hasSelection() and item.body is not None and cursor.selectionEnd() > item.body.tail_start
        )

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

    def _offset(self) -> int:
        return self.verticalScrollBar().value()

    def _scrolled(self, value: int) -> None:
        bar = self.verticalScrollBar()
        # Only the user leaves the end; layout and new text move the bar too, and mean nothing.
        if value >= bar.maximum() - NEAR_END:
            self._set_following(True)
        elif self._by_user:
            self._set_following(False)
        if self._by_user:
            self._ask_for_older()
        self._by_user = False
        self.laid_out.emit()

    def _user_scrolls(self, _action: int = 0) -> None:
        self._by_user = True

    def _ask_for_older(self) -> None:
        if self.items and self.verticalScrollBar().value() < LOAD_ABOVE:
            self.older_wanted.emit()

    def scroll_to(self, value: int) -> None:
        """Scroll there as the user would."""
        self._by_user = True
        self.verticalScrollBar().setValue(value)
        self._by_user = False

    def _range_changed(self, _low: int, _high: int) -> None:
        self._keep_end()
        self._center()

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)

    def _keep_end(self) -> None:
        if self._following:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _layout_changed(self) -> None:
        self.laid_out.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The lane of the scroll bar came or went: the column stays where it is."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._center()
        return super().eventFilter(watched, event)

    def _center(self) -> None:
        bar = self.verticalScrollBar()
        lane = bar.sizeHint().width() if bar.isVisible() else 0
        left = column_left(self.width())
        width = column_width(self.width())
        self.setViewportMargins(left, TOP_GAP, max(0, self.width() - left - width - lane), BOTTOM_GAP)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Centre the column again."""
        self._center()
        super().resizeEvent(event)
        self._boxes.clear()
        self._keep_end()
        self.laid_out.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll; sizes of text are changed in the settings, not by Ctrl and the wheel."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        self._by_user = True
        super().wheelEvent(event)
        self._by_user = False
        if event.angleDelta().y() > 0 and self.verticalScrollBar().maximum() == 0:
            # Nothing to scroll yet, but there may be more above.
            self._ask_for_older()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Keys scroll too."""
        self._by_user = True
        super().keyPressEvent(event)
        self._by_user = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say which message the pointer is over."""
        self._by_user = bool(event.buttons())
        super().mouseMoveEvent(event)
        self._by_user = False
        self._hover(event.position())

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """The pointer is over no message now."""
        super().leaveEvent(event)
        if not self.rect().contains(self.mapFromGlobal(self.cursor().pos())):
            self._tell_hovered(None)

    def _hover(self, position: QPointF) -> None:
        under = next((i for i in self.visible_items() if self.item_rect(i).contains(position)), None)
        self._tell_hovered(under.message.id if under is not None and under.body is not None else None)

    def _tell_hovered(self, message_id: UUID | None) -> None:
        if message_id != self._hovered:
            self._hovered = message_id
            self.hovered.emit(message_id)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the blocks behind the text, the text, and the caret of an answer that is being written."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for kind, rect in self._visible_boxes(QRectF(event.rect())):
            self._paint_box(painter, kind, rect)
        painter.end()
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        self._paint_code_edges(painter, QRectF(event.rect()))
        self._paint_caret(painter)
        painter.end()

    def _visible_boxes(self, exposed: QRectF) -> Iterator[tuple[int, QRectF]]:
        offset = self._offset()
        for item in self.visible_items():
            boxes = self._boxes.get(id(item))
            if boxes is None:
                boxes = self._boxes[id(item)] = list(self._boxes_of(item.frame))
            for kind, rect in boxes:
                placed = rect.translated(0, -offset)
                if placed.intersects(exposed):
                    yield kind, placed

    def _boxes_of(self, frame: QTextFrame) -> Iterator[tuple[int, QRectF]]:
        kind = frame.frameFormat().intProperty(KIND)
        if kind in (USER_KIND, CODE_KIND, QUOTE_KIND):
            rect = _inner(self.document().documentLayout().frameBoundingRect(frame), frame)
            # Code that is not wrapped makes its frame wider than the column.
            rect.setRight(min(rect.right(), self.viewport().width()))
            yield kind, rect
        for child in frame.childFrames():
            yield from self._boxes_of(child)

    def _paint_box(self, painter: QPainter, kind: int, rect: QRectF) -> None:
        color = self._theme.color
        match kind:
            case 1:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QBrush(color("user")))
                painter.drawRoundedRect(rect, 8, 8)
            case 3:
                painter.setPen(QPen(color("border"), 1))
                painter.setBrush(QBrush(color("sunken")))
                painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            case _:
                painter.fillRect(QRectF(rect.left() - 15, rect.top(), 3, rect.height()), color("border"))

    def _paint_code_edges(self, painter: QPainter, exposed: QRectF) -> None:
        """Code that runs out at the right ends at the block's padding."""
        sunken, edge = self._theme.color("sunken"), self._theme.color("border")
        for kind, rect in self._visible_boxes(exposed):
            if kind == CODE_KIND:
                inner = QRectF(rect.right() - 11, rect.top() + 6, 10, rect.height() - 12)
                painter.fillRect(inner, sunken)
                painter.fillRect(QRectF(rect.left() + 1, rect.top() + 6, 10, rect.height() - 12), sunken)
                painter.fillRect(QRectF(rect.right() - 1, rect.top() + 6, 1, rect.height() - 12), edge)
                painter.fillRect(QRectF(rect.left(), rect.top() + 6, 1, rect.height() - 12), edge)

    def _paint_caret(self, painter: QPainter) -> None:
        for item in self.items[-1:]:
            if item.body is None or item.message.id not in self._live or not item.body.text:
                continue
            rect = self.cursorRect(item.body.end_cursor())
            top = rect.center().y() - 7
            left = min(rect.left() + 2, self.viewport().width() - 8)
            painter.fillRect(left, top, 7, 15, QColor(self._theme.color("accent")))

    def blocks_laid_out(self) -> int:
        """Text blocks in the document; bounds the work of opening a conversation."""
        return self.document().blockCount()

    def last_answer(self) -> Item | None:
        """The last answer in the document."""
        return next((i for i in reversed(self.items) if i.message.role is Role.ASSISTANT), None)


def column_width(available: int) -> int:
    """Width of the message column in a view of that width."""
    return min(COLUMN, max(200, available - 2 * MARGIN))


def column_left(available: int) -> int:
    """Left edge of the message column, so that it is centred without regard to the scroll bar."""
    return max(0, (available - column_width(available)) // 2)


def _inner(rect: QRectF, frame: QTextFrame) -> QRectF:
    shape = frame.frameFormat()
    return rect.adjusted(shape.leftMargin(), shape.topMargin(), -shape.rightMargin(), -shape.bottomMargin())
