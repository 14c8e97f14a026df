"""A check box for things that are chosen beside others and take effect later; a switch acts at once."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QWidget

from ui.theme import Theme, ThemeSource
from ui.theme.icons import pixmap
from ui.widgets.focus import WIDTH_PX, came_by_keyboard

BOX_PX, MARK_PX, RADIUS_PX = 16, 12, 4
RING_ROOM_PX, GAP_PX, LEAST_PX = 4, 8, 24
MARKS = {Qt.CheckState.Checked: "check", Qt.CheckState.PartiallyChecked: "minus"}


class CheckBox(QCheckBox):
    """Box and words, with room for the focus ring around the box.

    Args:
        text: what it stands for; may be empty where a label stands beside it.
        themes: where the theme comes from.
        name: accessible name where there is no text.
    """

    def __init__(self, text: str, themes: ThemeSource, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = themes.theme
        self._ring = False
        self.setAccessibleName(name or text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Box, ring and words; never too small to be hit."""
        metrics = QFontMetrics(self.font())
        words = GAP_PX + metrics.horizontalAdvance(self.text()) if self.text() else 0
        return QSize(BOX_PX + 2 * RING_ROOM_PX + words, max(LEAST_PX, metrics.height() + 4))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """The same."""
        return self.sizeHint()

    def box_rect(self) -> QRect:
        """Where the box is."""
        return QRect(RING_ROOM_PX, (self.height() - BOX_PX) // 2, BOX_PX, BOX_PX)

    def hitButton(self, pos: QPoint) -> bool:  # noqa: N802
        """The words can be clicked too."""
        return self.rect().contains(pos)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ring, box, mark and words."""
        theme, usable = self._theme, self.isEnabled()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_box(painter, usable=usable)
        if self._ring:
            painter.setPen(QPen(theme.color("accent"), WIDTH_PX))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(
                QRectF(self.box_rect()).adjusted(-3, -3, 3, 3), RADIUS_PX + 3, RADIUS_PX + 3
            )
        painter.setPen(theme.color("text" if usable else "disabled"))
        words = self.rect().adjusted(BOX_PX + 2 * RING_ROOM_PX + GAP_PX, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        painter.end()

    def _paint_box(self, painter: QPainter, *, usable: bool) -> None:
        theme, mark = self._theme, MARKS.get(self.checkState())
        edge = ("accent" if mark else "control") if usable else "border"
        fill = ("accent" if usable else "border") if mark else "input"
        box = self.box_rect()
        painter.setPen(QPen(theme.color(edge), 1))
        painter.setBrush(theme.color(fill))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_PX - 0.5, RADIUS_PX - 0.5)
        if mark:
            picture = pixmap(mark, "onAccent" if usable else "disabled", MARK_PX, theme)
            inset = (BOX_PX - MARK_PX) // 2
            painter.drawPixmap(box.topLeft() + QPoint(inset, inset), picture)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("body"))
        self.updateGeometry()
        self.update()
