"""The head of a page: title, caption, and actions at the right; those without room are in a menu."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.action_row import ActionRow
from ui.widgets.labels import ElidedLabel, Label

LEAST_TITLE_PX = 120
"""So much of a title is left, whatever is beside it."""
LEFT_PX, RIGHT_PX, GAP_PX = 16, 12, 8


class PageHeader(QWidget):
    """48 px over a page or a pane.

    Args:
        title: of the page.
        themes: where the theme comes from.
        ruled: draw the line under it.
        fill: colour token behind it; empty shows what is under it.
    """

    def __init__(
        self,
        title: str,
        themes: ThemeSource,
        *,
        ruled: bool = True,
        fill: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self._ruled, self._fill = ruled, fill
        self.title = ElidedLabel(title, themes, "pageTitle")
        self.title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.caption = Label("", themes, "caption", "text3")
        self.caption.hide()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(LEFT_PX, 0, RIGHT_PX, 0)
        self._row.setSpacing(GAP_PX)
        self._row.addWidget(self.title)
        self._row.addWidget(self.caption)
        self._row.addStretch(1)
        self.action_row = ActionRow(themes)
        self.action_row.changed.connect(self._fit)
        self._row.addWidget(self.action_row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def set_title(self, title: str) -> None:
        """Show another title."""
        self.title.set_whole_text(title)
        self.title.updateGeometry()
        self._fit()

    def set_caption(self, caption: str) -> None:
        """Show words beside the title."""
        self.caption.setText(caption)
        self.caption.setVisible(bool(caption))
        self._fit()

    def add_action(self, button: QAbstractButton) -> None:
        """Put a button at the right end."""
        self.action_row.add(button)
        self._fit()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """A short title and the menu."""
        beside = self.caption.sizeHint().width() + GAP_PX if self.caption.text() else 0
        least = LEFT_PX + self._least_title_px() + beside + 2 * GAP_PX
        return QSize(least + self.action_row.minimumSizeHint().width() + RIGHT_PX, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Show the actions that fit."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and rule."""
        painter = QPainter(self)
        if self._fill:
            painter.fillRect(self.rect(), self._theme.color(self._fill))
        if self._ruled:
            painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.color("border"))
        painter.end()

    def _least_title_px(self) -> int:
        return min(self._theme.scaled(LEAST_TITLE_PX), self.title.sizeHint().width())

    def _fit(self) -> None:
        beside = self.caption.sizeHint().width() + GAP_PX if self.caption.text() else 0
        # the stretch between title and actions has a gap at each side
        taken = LEFT_PX + self._least_title_px() + beside + 2 * GAP_PX + RIGHT_PX
        self.action_row.fit(self.width() - taken)

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(theme.scaled(theme.size("pageHeader")))
        self.update()
