"""The focus ring: shown when the keyboard brought the focus, never for a mouse click."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from ui.theme import Theme

BY_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
WIDTH_PX = 2.0


def came_by_keyboard(event: QFocusEvent) -> bool:
    """Whether Tab, Backtab or a shortcut gave the focus."""
    return event.reason() in BY_KEYBOARD


def paint_ring(widget: QWidget, theme: Theme, radius: float = 6.0, gap: float = 0.0) -> None:
    """Draw the ring inside a widget's box.

    Args:
        widget: who has the focus; called in its paint event.
        theme: the theme in use.
        radius: of the box's corners in pixels.
        gap: distance of the ring from the box's edge in pixels.
    """
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("accent"), WIDTH_PX))
    inset = WIDTH_PX / 2 + gap
    box = QRectF(widget.rect()).adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(box, radius - inset / 2, radius - inset / 2)
    painter.end()
