"""Fields to type and choose in, with the place where an error is said."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAction, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeSource
from ui.theme.icons import icon
from ui.widgets.labels import Label


class SearchField(QLineEdit):
    """A field with a magnifying glass."""

    def __init__(self, placeholder: str, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setProperty("search", True)
        self._glass = QAction(self)
        self.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def _use(self, theme: Theme) -> None:
        self.setFont(theme.font("body"))
        self._glass.setIcon(icon("search", "text3", 14, theme))


class Choice(QComboBox):
    """A list that opens; the wheel scrolls the page and does not change what is chosen.

    Args:
        name: accessible name.
        options: value and words of each.
        themes: where the theme comes from.
    """

    def __init__(
        self,
        name: str,
        options: Sequence[tuple[object, str]],
        themes: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        self.setAccessibleName(name)
        self.set_options(options)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.view().window().setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.view().window().setWindowFlag(Qt.WindowType.NoDropShadowWindowHint)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def set_options(self, options: Sequence[tuple[object, str]]) -> None:
        """Offer other values; the chosen one stays when it is still there."""
        if [(self.itemData(i), self.itemText(i)) for i in range(self.count())] == list(options):
            return
        chosen = self.currentData()
        blocked = self.blockSignals(True)
        self.clear()
        for value, words in options:
            self.addItem(words, value)
        self.choose(chosen)
        self.blockSignals(blocked)

    def choose(self, value: object) -> None:
        """Select a value in silence; an unknown one leaves the selection alone."""
        place = self.findData(value)
        if place >= 0 and place != self.currentIndex():
            blocked = self.blockSignals(True)
            self.setCurrentIndex(place)
            self.blockSignals(blocked)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Left to the page."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The box, and the arrow that the style sheet took away."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(self._theme.color("text2" if self.isEnabled() else "disabled"), 1.4)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        x, y = self.width() - 16.0, self.height() / 2.0
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)]))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("body"))


class Field(QWidget):
    """A line to type in, with its error under it.

    Args:
        name: accessible name.
        themes: where the theme comes from.
        mono: for paths and addresses.
    """

    def __init__(
        self, name: str, themes: ThemeSource, *, mono: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._mono = mono
        self.edit = QLineEdit(self)
        self.edit.setAccessibleName(name)
        self.error = Label("", themes, "caption", "down", wrap=True)
        self.error.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.error.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit)
        layout.addWidget(self.error)
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def set_error(self, words: str) -> None:
        """Mark the field and say why; empty words take the mark away."""
        set_invalid(self.edit, bool(words))
        self.edit.setAccessibleDescription(words)
        self.error.setText(words)
        self.error.setVisible(bool(words))

    def _use(self, theme: Theme) -> None:
        self.edit.setFont(theme.font("log" if self._mono else "body"))


def set_invalid(widget: QWidget, invalid: bool) -> None:
    """Draw a field's edge in the colour of an error, or not."""
    if bool(widget.property("invalid")) != invalid:
        widget.setProperty("invalid", invalid)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
