"""The head of a page: title, caption, and actions at the right."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ui.theme import Theme, ThemeSource
from ui.widgets.labels import ElidedLabel, Label


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
        self._row.setContentsMargins(16, 0, 12, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self.title)
        self._row.addWidget(self.caption)
        self._row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def set_title(self, title: str) -> None:
        """Show another title."""
        self.title.set_whole_text(title)

    def set_caption(self, caption: str) -> None:
        """Show words beside the title."""
        self.caption.setText(caption)
        self.caption.setVisible(bool(caption))

    def add_action(self, widget: QWidget) -> None:
        """Put a button at the right end."""
        self._row.addWidget(widget)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and rule."""
        painter = QPainter(self)
        if self._fill:
            painter.fillRect(self.rect(), self._theme.color(self._fill))
        if self._ruled:
            painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.color("border"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(theme.scaled(theme.size("pageHeader")))
        self.update()
