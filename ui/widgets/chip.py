"""Small plates: a state in a tint, and the caps of a keyboard shortcut."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ui.theme import Theme, ThemeSource

CAP_ON_SELECTED = {"light": "raised", "dark": "buttonHover"}
SOFT = {"ok": "okSoft", "degraded": "degradedSoft", "down": "downSoft", "info": "infoSoft"}


class Chip(QWidget):
    """A word in a tinted plate, 20 high.

    Args:
        text: one word.
        tone: `ok`, `degraded`, `down`, `info`, or anything else for grey.
        themes: where the theme comes from.
    """

    def __init__(self, text: str, tone: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._tone = text, tone
        self._theme = themes.theme
        self.setAccessibleName(text)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def set_state(self, text: str, tone: str) -> None:
        """Show another word and tone."""
        self._text, self._tone = text, tone
        self.setAccessibleName(text)
        self._use(self._theme)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Plate and word."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(SOFT.get(self._tone, "hover")))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setPen(self._theme.color(self._tone if self._tone in SOFT else "text2"))
        painter.setFont(self._theme.font("label"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        width = QFontMetrics(theme.font("label")).horizontalAdvance(self._text)
        self.setFixedSize(QSize(width + 16, theme.scaled(20)))
        self.update()


def cap_widths(keys: tuple[str, ...], theme: Theme) -> list[int]:
    """Width of each key cap in pixels."""
    metrics = QFontMetrics(theme.font("micro"))
    return [max(18, metrics.horizontalAdvance(key) + 10) for key in keys]


def paint_caps(
    painter: QPainter,
    keys: tuple[str, ...],
    left: int,
    middle: int,
    theme: Theme,
    *,
    on_selected: bool = False,
) -> None:
    """Draw key caps from `left`, centred on the height `middle`; on a selected row they are lighter than it."""
    plain = "hover" if theme.name == "light" else "pressed"
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.font("micro"))
    height = theme.scaled(18)
    for key, width in zip(keys, cap_widths(keys, theme), strict=True):
        box = QRectF(left, middle - height / 2, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(CAP_ON_SELECTED[theme.name] if on_selected else plain))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.color("text2"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, key)
        left += width + 4


def keys_of(shortcut: str) -> tuple[str, ...]:
    """The keys of a shortcut such as `Ctrl+Shift+F`."""
    if shortcut.endswith("+"):
        return (*(part for part in shortcut[:-1].split("+") if part), "+")
    return tuple(part for part in shortcut.split("+") if part)


class KeyCaps(QWidget):
    """The keys of a shortcut, each in a cap."""

    def __init__(self, shortcut: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys_of(shortcut)
        self._theme = themes.theme
        self.setAccessibleName(shortcut)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The caps."""
        painter = QPainter(self)
        paint_caps(painter, self._keys, 0, self.height() // 2, self._theme)
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        widths = cap_widths(self._keys, theme)
        self.setFixedSize(QSize(sum(widths) + 4 * max(0, len(widths) - 1), theme.scaled(20)))
        self.update()
