"""The table of capabilities: each row can be reached by Tab and leads to its setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.widgets import ElidedLabel, Label, StateGlyph
from ui.widgets.focus import came_by_keyboard, paint_ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFocusEvent, QMouseEvent, QPaintEvent

    from ui.overview.state import CapabilityRow
    from ui.theme import Theme, ThemeSource

HEADS = ("Capability", "Provider", "Detail", "Holds", "Latency")
SHARES = (4, 4, 7, 6, 2)
"""How the width is shared among the columns."""
ROW_PX, GLYPH_PX = 34, 14


class Row(QWidget):
    """One capability."""

    opened = Signal(str)

    def __init__(self, row: CapabilityRow, themes: ThemeSource) -> None:
        super().__init__()
        self._theme = themes.theme
        self._ring = False
        self.key = row.key
        self.glyph = StateGlyph(row.state, themes)
        self.name = ElidedLabel("", themes, "strong")
        self.provider = ElidedLabel("", themes)
        self.detail = ElidedLabel("", themes, tone="text2")
        self.holds = ElidedLabel("", themes, tone="text2", numbers=True)
        self.latency = Label("", themes, tone="text2", numbers=True)
        self.latency.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        cells = (self.name, self.provider, self.detail, self.holds, self.latency)
        _lay_out(self, self.glyph, cells)
        self.setFixedHeight(themes.theme.scaled(ROW_PX))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        themes.changed.connect(self._use)
        self.show_row(row)

    def show_row(self, row: CapabilityRow) -> None:
        """Show this capability."""
        self.glyph.set_state(row.state)
        self.name.set_whole_text(row.name)
        self.provider.set_whole_text(row.provider)
        self.detail.set_whole_text(row.detail)
        self.detail.set_tone(row.tone)
        self.detail.setToolTip(row.detail)
        self.holds.set_whole_text(row.holds)
        self.latency.setText(row.latency)
        self.setAccessibleName(row.spoken)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click opens it."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.opened.emit(self.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter and Space open it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit(self.key)
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The ring shows for the keyboard."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The ring goes."""
        self._ring = False
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The rule over the row, and the focus ring."""
        painter = QPainter(self)
        painter.fillRect(16, 0, self.width() - 32, 1, self._theme.color("border"))
        painter.end()
        if self._ring:
            paint_ring(self, self._theme)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(theme.scaled(ROW_PX))
        self.update()


class CapabilityTable(QWidget):
    """Heads and rows; a row that is known is kept, so that the keyboard stays where it is."""

    opened = Signal(str)

    def __init__(self, themes: ThemeSource) -> None:
        super().__init__()
        self._themes = themes
        self.rows: dict[str, Row] = {}
        heads = QWidget()
        labels = [Label(head, themes, "caption", "text3") for head in HEADS]
        labels[-1].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        _lay_out(heads, None, labels)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 8)
        self._column.setSpacing(0)
        self._column.addWidget(heads)
        self.setAccessibleName("Capabilities")

    def show_rows(self, rows: Sequence[CapabilityRow]) -> None:
        """Show these capabilities in this order."""
        for key in [key for key in self.rows if key not in {row.key for row in rows}]:
            gone = self.rows.pop(key)
            self._column.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for place, row in enumerate(rows):
            known = self.rows.get(row.key)
            if known is None:
                known = self.rows[row.key] = Row(row, self._themes)
                known.opened.connect(self.opened)
            else:
                known.show_row(row)
            if self._column.indexOf(known) != place + 1:
                self._column.insertWidget(place + 1, known)


def _lay_out(holder: QWidget, glyph: QWidget | None, cells: Sequence[QWidget]) -> None:
    line = QHBoxLayout(holder)
    line.setContentsMargins(16, 6, 16, 6)
    line.setSpacing(12)
    mark = QWidget()
    mark.setFixedWidth(GLYPH_PX)
    inside = QHBoxLayout(mark)
    inside.setContentsMargins(0, 0, 0, 0)
    if glyph is not None:
        inside.addWidget(glyph)
    line.addWidget(mark)
    for share, cell in zip(SHARES, cells, strict=True):
        policy = cell.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Ignored)
        cell.setSizePolicy(policy)
        line.addWidget(cell, share)
