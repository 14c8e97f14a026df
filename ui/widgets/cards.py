"""Cards: a surface with an edge, and the card that says what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.theme.icons import pixmap
from ui.widgets.buttons import PrimaryButton, SecondaryButton
from ui.widgets.labels import Label

EDGE_OPACITY = 0.35
DISMISS = "Dismiss"
CardAction = tuple[str, Callable[[], object]]
"""Words of a button and what it does."""


class Card(QWidget):
    """A rounded surface with an edge.

    Args:
        themes: where the theme comes from.
        fill: colour token of the surface.
        edge: colour token of the edge.
        radius: of the corners in pixels; 0 for a pane.
    """

    def __init__(
        self,
        themes: ThemeSource,
        fill: str = "card",
        edge: str = "border",
        radius: float = 8,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._fill, self._edge, self._radius = fill, edge, radius
        themes.changed.connect(self._use)

    def set_colors(self, fill: str, edge: str) -> None:
        """Change the tokens of the surface and its edge."""
        self._fill, self._edge = fill, edge
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The surface."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._edge_color(), 1))
        painter.setBrush(self._theme.color(self._fill))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, self._radius, self._radius)
        painter.end()

    def _edge_color(self) -> QColor:
        return self._theme.color(self._edge)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


class ErrorCard(Card):
    """What happened, why, what was kept, and the ways out; the first action is the best one.

    Args:
        title: what happened.
        lines: why, and what was kept or lost.
        actions: buttons; the first is primary, unless it only takes the card away.
        themes: where the theme comes from.
    """

    def __init__(
        self,
        title: str,
        lines: Sequence[str],
        actions: Sequence[CardAction],
        themes: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(themes, "downSoft", "down", parent=parent)
        self._mark = QLabel(self)
        self._mark.setFixedSize(16, 18)
        body = QVBoxLayout()
        body.setSpacing(4)
        body.addWidget(Label(title, themes, "strong", wrap=True, selectable=True))
        for line in lines:
            body.addWidget(Label(line, themes, tone="text2", wrap=True, selectable=True))
        if actions:
            body.addSpacing(6)
            body.addLayout(buttons_of(actions, themes, primary=actions[0][0] != DISMISS))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(body, 1)
        self.setAccessibleName(title)
        self.setAccessibleDescription(" ".join(lines))
        self._use(themes.theme)

    def _edge_color(self) -> QColor:
        color = super()._edge_color()
        color.setAlphaF(EDGE_OPACITY)
        return color

    def _use(self, theme: Theme) -> None:
        super()._use(theme)
        self._mark.setPixmap(pixmap("octagon-alert", "down", 16, theme))


def buttons_of(
    actions: Sequence[CardAction],
    themes: ThemeSource,
    *,
    primary: bool = True,
    before: Callable[[], object] | None = None,
) -> QHBoxLayout:
    """A row of buttons at the left.

    Args:
        actions: words and what they do.
        themes: where the theme comes from.
        primary: the first one is the main action.
        before: called first when any is pressed, for example to close the card.
    """
    row = QHBoxLayout()
    row.setSpacing(8)
    for place, (words, run) in enumerate(actions):
        kind = PrimaryButton if primary and place == 0 else SecondaryButton
        button = kind(words, themes)
        if before is not None:
            button.clicked.connect(lambda _=False: before())
        button.clicked.connect(lambda _=False, run=run: run())
        row.addWidget(button)
    row.addStretch(1)
    return row
