"""The bar in the composer that shows how full the context is, and the popover that says with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.chat import words
from ui.chat.context import meter_state
from ui.widgets import GhostButton, Label
from ui.widgets.floating import SHADOW_DOWN_PX, SHADOW_PX, Floating
from ui.widgets.focus import came_by_keyboard, paint_ring

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QPaintEvent

    from backend_embedded.contract.context import ContextPolicy, ContextUse
    from ui.theme import Theme, ThemeSource

BAR_WIDTH, BAR_HEIGHT = 72, 6
POPOVER_WIDTH = 288


def paint_bar(painter: QPainter, rect: QRectF, use: ContextUse, theme: Theme) -> None:
    """The stretches of the bar, with what is free behind them."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    shape = QPainterPath()
    shape.addRoundedRect(rect, 2, 2)
    painter.setClipPath(shape)
    painter.fillRect(rect, theme.color("pressed"))
    whole = max(use.size, use.prompt, 1)
    left = rect.left()
    for part in meter_state.parts(use)[:-1]:
        width = rect.width() * part.tokens / whole
        painter.fillRect(QRectF(left, rect.top(), width, rect.height()), theme.color(part.token))
        left += width
    painter.setClipping(False)


class Swatch(QWidget):
    """The colour of one part."""

    def __init__(self, token: str, themes: ThemeSource) -> None:
        super().__init__()
        self._token, self._theme = token, themes.theme
        self.setFixedSize(8, 8)
        themes.changed.connect(self._use)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The colour."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color(self._token))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


class MeterPopover(Floating):
    """What the tokens go to, in rows; Esc or a click beside it closes."""

    change_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(themes, parent=parent)
        self._themes = themes
        self.setWindowFlags(
            Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint | Qt.WindowType.NoDropShadowWindowHint
        )
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAccessibleName("Context window")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 12)
        self._column.setSpacing(6)
        self._body: QWidget | None = None

    def open_over(self, anchor: QWidget, use: ContextUse, policy: ContextPolicy) -> None:
        """Open above the bar."""
        if self._body is not None:
            self._column.removeWidget(self._body)
            self._body.deleteLater()
        self._body = self._rows(use, policy)
        self._column.addWidget(self._body)
        self.setFixedWidth(self._theme.scaled(POPOVER_WIDTH) + 2 * SHADOW_PX)
        self.adjustSize()
        corner = anchor.mapToGlobal(QPoint(anchor.width(), 0))
        self.move(
            corner.x() - self.width() + SHADOW_PX, corner.y() - self.height() + SHADOW_PX + SHADOW_DOWN_PX - 4
        )
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def _rows(self, use: ContextUse, policy: ContextPolicy) -> QWidget:
        themes, body = self._themes, QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        head = QHBoxLayout()
        head.addWidget(Label("Context window", themes, "cardTitle"), 1)
        head.addWidget(Label(meter_state.summary(use), themes, "caption", "text2", numbers=True))
        grid.addLayout(head, 0, 0, 1, 3)
        for row, part in enumerate(meter_state.parts(use), 1):
            grid.addWidget(Swatch(part.token, themes), row, 0)
            grid.addWidget(Label(part.name, themes, tone="text2"), row, 1)
            count = Label(words.grouped(part.tokens), themes, numbers=True)
            grid.addWidget(count, row, 2, Qt.AlignmentFlag.AlignRight)
        row = len(meter_state.parts(use)) + 1
        if not use.exact:
            said = Label(
                "Estimated: this provider tells no exact counts.", themes, "caption", "text3", wrap=True
            )
            grid.addWidget(said, row, 0, 1, 3)
            row += 1
        told = Label(f"When full: {meter_state.POLICY_WORDS[policy].lower()}", themes, "caption", "text3")
        foot = QHBoxLayout()
        foot.addWidget(told, 1)
        change = GhostButton("Change", themes, small=True)
        change.setAccessibleName("Change what is done when the context is full")
        change.clicked.connect(self.close)
        change.clicked.connect(self.change_wanted)
        foot.addWidget(change)
        grid.addLayout(foot, row, 0, 1, 3)
        return body


class ContextMeter(QAbstractButton):
    """A bar of 72 by 6 and the count; press it for the parts."""

    change_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._use: ContextUse | None = None
        self._policy: ContextPolicy | None = None
        self._ring = False
        self.popover = MeterPopover(themes, self)
        self.popover.change_wanted.connect(self.change_wanted)
        self.clicked.connect(self.open)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        themes.changed.connect(self._set_theme)
        self._set_theme(themes.theme)
        self.hide()

    def show_use(self, use: ContextUse | None, policy: ContextPolicy) -> None:
        """Show these counts; nothing while there are none."""
        self._use, self._policy = use, policy
        self.setVisible(use is not None)
        if use is not None:
            said = meter_state.summary(use)
            self.setAccessibleName(f"Context: {said}")
            self.setToolTip("Estimated" if not use.exact else "What the context goes to")
            self.updateGeometry()
            self.update()

    def open(self) -> None:
        """Open the popover."""
        if self._use is not None and self._policy is not None:
            self.popover.open_over(self, self._use, self._policy)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Bar and words."""
        text = meter_state.summary(self._use) if self._use is not None else ""
        width = QFontMetrics(self._theme.font("caption", numbers=True)).horizontalAdvance(text)
        return QSize(BAR_WIDTH + 8 + width + 8, self._theme.scaled(24))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """The bar alone."""
        return QSize(BAR_WIDTH + 8, self._theme.scaled(24))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Bar, words, ring."""
        if self._use is None:
            return
        painter = QPainter(self)
        top = (self.height() - BAR_HEIGHT) / 2
        paint_bar(painter, QRectF(4, top, BAR_WIDTH, BAR_HEIGHT), self._use, self._theme)
        painter.setFont(self._theme.font("caption", numbers=True))
        painter.setPen(self._theme.color(meter_state.level(self._use)))
        area = self.rect().adjusted(BAR_WIDTH + 12, 0, 0, 0)
        shown = meter_state.summary(self._use)
        if QFontMetrics(painter.font()).horizontalAdvance(shown) <= area.width() + 1:
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()
        if self._ring:
            paint_ring(self, self._theme)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring when the keyboard came here."""
        self._ring = came_by_keyboard(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the ring away."""
        self._ring = False
        super().focusOutEvent(event)

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.updateGeometry()
        self.update()
