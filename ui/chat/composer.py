"""Where a message is typed: one to ten lines, Enter sends, Esc stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from ui.chat.context.context_meter import ContextMeter
from ui.chat.files.file_row import FileRow
from ui.chat.files.files_state import LARGE_PASTE
from ui.widgets import ElidedLabel, IconButton, KeyCaps, Label, PrimaryButton, SecondaryButton

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QPaintEvent

    from ui.theme import Theme, ThemeSource

MOST_LINES = 10
LEAST_HEIGHT = 74


def local_files(source: QMimeData) -> list[str]:
    """The files of this machine that were dropped or pasted."""
    return [url.toLocalFile() for url in source.urls() if url.isLocalFile()]


class MessageEdit(QPlainTextEdit):
    """The text field: Enter and Esc are signals, Shift+Enter breaks the line."""

    sent = Signal()
    escaped = Signal()
    focus_changed = Signal()
    last_wanted = Signal()
    files_dropped = Signal(list)
    long_pasted = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter sends; with Shift it breaks the line."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.sent.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif event.key() == Qt.Key.Key_Up and self.document().isEmpty():
            self.last_wanted.emit()
        else:
            super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802
        """Text, and files of this machine."""
        return bool(local_files(source)) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        """Files are attached; long text is offered as a file."""
        files = local_files(source)
        if files:
            self.files_dropped.emit(files)
        elif len(source.text()) >= LARGE_PASTE:
            self.long_pasted.emit(source.text())
        else:
            self.insertPlainText(source.text())

    def focusInEvent(self, event: QEvent) -> None:  # noqa: N802
        """The frame around shows the focus."""
        super().focusInEvent(event)  # type: ignore[arg-type]
        self.focus_changed.emit()

    def focusOutEvent(self, event: QEvent) -> None:  # noqa: N802
        """The frame around shows the focus."""
        super().focusOutEvent(event)  # type: ignore[arg-type]
        self.focus_changed.emit()


class Composer(QWidget):
    """Text field, the reason why sending is not possible, and Send or Stop."""

    sent = Signal(str)
    stopped = Signal()
    edited = Signal(str)
    attach_wanted = Signal()
    panel_wanted = Signal()
    edit_cancelled = Signal()
    last_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._reason = ""
        self._answering = False
        self._muted = False
        self._editing = False
        self._build(themes)
        self.set_theme(themes.theme)
        themes.changed.connect(self.set_theme)

    def _build(self, themes: ThemeSource) -> None:
        self.edit = MessageEdit()
        self.edit.setFrameShape(QFrame.Shape.NoFrame)
        self.edit.setAccessibleName("Message")
        self.edit.setTabChangesFocus(True)
        self.edit.setProperty("bare", True)
        self.edit.viewport().setAutoFillBackground(False)
        self.edit.document().setDocumentMargin(0)
        self.edit.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.edit.sent.connect(self.send)
        self.edit.escaped.connect(self._escaped)
        self.edit.textChanged.connect(self._text_changed)
        self.edit.focus_changed.connect(self.update)
        self.hint = ElidedLabel("", themes, "caption", "text3")
        self._enter, self._escape = KeyCaps("Enter", themes), KeyCaps("Esc", themes)
        self.send_button = PrimaryButton("Send", themes, "arrow-up")
        self.send_button.setAccessibleName("Send the message")
        self.send_button.clicked.connect(self.send)
        self.stop_button = SecondaryButton("Stop", themes, "square")
        self.stop_button.setAccessibleName("Stop the answer")
        self.stop_button.setToolTip("Stop  Esc")
        self.stop_button.clicked.connect(self.stopped)
        self.stop_button.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        attach = IconButton("paperclip", "Attach files", themes, box=24, shortcut="Ctrl+Shift+A")
        attach.clicked.connect(self.attach_wanted)
        panel = IconButton("sliders-horizontal", "Settings of this chat", themes, box=24, shortcut="Ctrl+.")
        panel.clicked.connect(self.panel_wanted)
        self.preset = Label("", themes, "caption", "text3")
        self.meter = ContextMeter(themes)
        row.addWidget(attach)
        row.addWidget(panel)
        row.addWidget(self.preset)
        row.addWidget(self.hint, 1)
        row.addWidget(self.meter)
        row.addWidget(self._enter)
        row.addWidget(self._escape)
        row.addWidget(self.send_button)
        row.addWidget(self.stop_button)
        self.files = FileRow(themes)
        self.edit.long_pasted.connect(self.files.offer)
        self.edit.last_wanted.connect(self.last_wanted)
        self.files.paste_as_text.connect(self.edit.insertPlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 12, 9, 9)
        column.setSpacing(4)
        column.addWidget(self._build_editing(themes))
        column.addWidget(self.files)
        column.addWidget(self.edit)
        column.addLayout(row)
        self.setFocusProxy(self.edit)

    def _build_editing(self, themes: ThemeSource) -> QWidget:
        self._edit_line = QWidget()
        row = QHBoxLayout(self._edit_line)
        row.setContentsMargins(0, 0, 0, 4)
        said = "Editing a question: the old one and its answers stay beside it"
        row.addWidget(Label(said, themes, "caption", "info"), 1)
        cancel = SecondaryButton("Cancel", themes, small=True)
        cancel.setAccessibleName("Leave the question as it is")
        cancel.clicked.connect(self.edit_cancelled)
        row.addWidget(cancel)
        self._edit_line.hide()
        return self._edit_line

    def show_editing(self, editing: bool) -> None:
        """Say that a question is being edited, or not."""
        self._editing = editing
        self._edit_line.setVisible(editing)

    def set_theme(self, theme: Theme) -> None:
        """Draw in this theme."""
        self._theme = theme
        # the placeholder is drawn in the viewport's own font
        for part in (self.edit, self.edit.viewport()):
            part.setFont(theme.font("message"))
        self._refresh_button()
        self._fit_height()
        self.update()

    def set_text(self, text: str) -> None:
        """Show a draft without telling that it was edited."""
        if text == self.text:
            return
        self._muted = True
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)
        self._muted = False

    @property
    def text(self) -> str:
        """What is typed."""
        return self.edit.toPlainText()

    def set_state(self, *, placeholder: str, reason: str, answering: bool) -> None:
        """Placeholder; why sending is not possible (empty: it is); whether Stop stands in Send's place."""
        self.edit.setPlaceholderText(placeholder)
        self._reason, self._answering = reason, answering
        self.hint.set_whole_text("" if answering else reason)
        self._refresh_button()

    def send(self) -> None:
        """Send what is typed, if that is possible now."""
        text = self.text
        if text.strip() and not self._reason:
            self.sent.emit(text)

    def _escaped(self) -> None:
        if self._answering:
            self.stopped.emit()
        elif self._editing:
            self.edit_cancelled.emit()

    def _text_changed(self) -> None:
        self._fit_height()
        self._refresh_button()
        if not self._muted:
            self.edited.emit(self.text)

    def _refresh_button(self) -> None:
        stop = self._answering
        self.stop_button.setVisible(stop)
        self.send_button.setVisible(not stop)
        self.send_button.setEnabled(bool(self.text.strip()) and not self._reason)
        self.send_button.setToolTip(self._reason or "Send  Enter")
        self._enter.setVisible(not stop)
        self._escape.setVisible(stop)

    def _fit_height(self) -> None:
        line = self.edit.fontMetrics().lineSpacing()
        document = self.edit.document()
        lines = max(1, min(MOST_LINES, round(document.size().height())))
        self.edit.setFixedHeight(max(round(lines * line), line) + 2)
        over = round(document.size().height()) > MOST_LINES
        policy = Qt.ScrollBarPolicy
        self.edit.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if over else policy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """What is in it, and no less than the design says."""
        hint = super().minimumSizeHint()
        return QSize(hint.width(), max(hint.height(), self._theme.scaled(LEAST_HEIGHT)))

    def resizeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Lines break elsewhere at another width."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._fit_height()

    def mousePressEvent(self, event: QEvent) -> None:  # noqa: N802
        """A click beside the text goes into it."""
        self.edit.setFocus()
        super().mousePressEvent(event)  # type: ignore[arg-type]

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The field's ground and its edge, which shows the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.edit.hasFocus()
        width = 2 if focused else 1
        painter.setPen(QPen(self._theme.color("accent" if focused else "control"), width))
        painter.setBrush(self._theme.color("input"))
        half = width / 2
        corner = QPointF(half, half)
        rect = QRectF(corner, QPointF(self.width() - half, self.height() - half))
        painter.drawRoundedRect(rect, 8, 8)
        painter.end()
