"""The controls of one code block: Wrap and Copy over its head line, the rest of long code, the side scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollBar, QWidget

from ui.chat.code_blocks import SHOWN_FOLDED
from ui.widgets import GhostButton, IconButton

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QRectF

    from ui.chat.code_blocks import CodeBlock
    from ui.theme import ThemeSource

COPIED_FOR_MS = 1500
PADDING = 12


class CodeHead(QWidget):
    """Stands over the right part of a code block's head line."""

    changed = Signal()

    def __init__(
        self, code: CodeBlock, themes: ThemeSource, copy: Callable[[str], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._code = code
        self._copy_text = copy
        language = code.language or "code"
        self._wrap = IconButton("wrap-text", f"Wrap {language}", themes, size=14, box=24, checkable=True)
        self._copy = GhostButton("Copy", themes, "copy", small=True)
        self._copy.setAccessibleName(f"Copy {language}")
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(COPIED_FOR_MS)
        self._back.timeout.connect(lambda: self._copy.setText("Copy"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._wrap)
        row.addWidget(self._copy)
        self._wrap.setChecked(code.wrapped)
        self._wrap.toggled.connect(self._toggle_wrap)
        self._copy.clicked.connect(self.copy)
        self._rest = GhostButton("", themes, "chevron-down", small=True, parent=parent)
        self._rest.clicked.connect(self._toggle_fold)
        self._bar = QScrollBar(Qt.Orientation.Horizontal, parent)
        self._bar.setAccessibleName(f"Scroll {language} sideways")
        self._bar.valueChanged.connect(self._shift)

    def copy(self) -> None:
        """Put the code on the clipboard and say so for a moment."""
        self._copy_text(self._code.text)
        self._copy.setText("Copied")
        self._back.start()

    def place(self, rect: QRectF) -> None:
        """Stand at this code block, in the viewport's coordinates."""
        size = self.sizeHint()
        self.setGeometry(
            round(rect.right()) - size.width() - 8, round(rect.top()) + 8, size.width(), size.height()
        )
        self.show()
        self._place_rest(rect)
        self._place_bar(rect)

    def leave(self) -> None:
        """Go away with all that belongs to it."""
        for widget in (self._rest, self._bar, self):
            widget.hide()
            widget.deleteLater()

    def _place_rest(self, rect: QRectF) -> None:
        more = self._code.line_count - SHOWN_FOLDED
        self._rest.setVisible(self._code.folded)
        if self._code.folded:
            self._rest.setText(f"Show {more} more lines")
            size = self._rest.sizeHint()
            self._rest.setGeometry(
                round(rect.left()) + 4, round(rect.bottom()) - size.height() - 4, size.width(), size.height()
            )

    def _place_bar(self, rect: QRectF) -> None:
        room = rect.width() - 2 * PADDING
        over = 0 if self._code.wrapped else round(self._code.widest_line_px() - room)
        self._bar.setVisible(over > 0 and self._code.closed)
        if over > 0:
            self._bar.setRange(0, over + PADDING)
            self._bar.setPageStep(round(room))
            self._bar.setSingleStep(24)
            self._bar.setGeometry(
                round(rect.left()) + 6, round(rect.bottom()) - 13, round(rect.width()) - 12, 12
            )

    def _toggle_wrap(self, wrapped: bool) -> None:
        self._bar.setValue(0)
        self._code.set_wrapped(wrapped)
        self.changed.emit()

    def _toggle_fold(self) -> None:
        self._code.unfolded_by_user = True
        self._code.set_folded(False)
        self.changed.emit()

    def _shift(self, value: int) -> None:
        self._code.set_shift(value)
        self.changed.emit()
