"""Rows of a settings card: label and caption at the left, the control at the right, its error under it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.theme import ThemeSource
from ui.widgets import Card, Label
from ui.widgets.inputs import set_invalid

CONTROL_WIDTH = 320


class SettingRow(QWidget):
    """One setting.

    Args:
        label: name of the setting.
        caption: its effect.
        control: what it is set with.
        themes: where the theme comes from.
        words: further words that the search finds it by.
        wide: the control has the width of fields; else its own.
    """

    def __init__(
        self,
        label: str,
        caption: str,
        control: QWidget,
        themes: ThemeSource,
        *,
        words: str = "",
        wide: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.control = control
        self._caption_words = caption
        self._found_by = f"{label} {caption} {words}".casefold()
        self.label = Label(label, themes, "strong", wrap=True)
        self.label.setBuddy(control)
        self.caption = Label(caption, themes, "caption", "text3", wrap=True)
        self.error = Label("", themes, "caption", "down", wrap=True)
        self.error.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.error.hide()
        if wide:
            control.setFixedWidth(CONTROL_WIDTH)
        self._lay_out()

    def _lay_out(self) -> None:
        self._words = words = QVBoxLayout()
        words.setSpacing(2)
        # stretches, not an alignment: an aligned layout is not asked how high wrapped text gets
        words.addStretch(1)
        words.addWidget(self.label)
        words.addWidget(self.caption)
        words.addStretch(1)
        self._right = right = QVBoxLayout()
        right.setSpacing(4)
        right.addStretch(1)
        right.addWidget(self.control, 0, Qt.AlignmentFlag.AlignRight)
        self.error.setFixedWidth(CONTROL_WIDTH)
        right.addWidget(self.error, 0, Qt.AlignmentFlag.AlignRight)
        right.addStretch(1)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(24)
        row.addLayout(words, 1)
        row.addLayout(right)

    def stack(self, stacked: bool) -> None:
        """Put the control under the words, where there is no room for it beside them."""
        direction = QBoxLayout.Direction.TopToBottom if stacked else QBoxLayout.Direction.LeftToRight
        if self._row.direction() == direction:
            return
        side = Qt.AlignmentFlag.AlignLeft if stacked else Qt.AlignmentFlag.AlignRight
        self._row.setDirection(direction)
        self._row.setSpacing(8 if stacked else 24)
        self._right.setAlignment(self.control, side)
        self._right.setAlignment(self.error, side)
        self.error.setAlignment(side)

    def matches(self, wanted: str) -> bool:
        """Whether all words of a search stand in it."""
        return all(word in self._found_by for word in wanted.casefold().split())

    def set_caption(self, caption: str) -> None:
        """Show another caption."""
        self.caption.setText(caption)

    def set_error(self, words: str, field: QWidget | None = None) -> None:
        """Mark the control and say why its value was refused; empty words take the mark away."""
        set_invalid(field or self.control, bool(words))
        (field or self.control).setAccessibleDescription(words or self._caption_words)
        self.error.setText(words)
        self.error.setVisible(bool(words))

    def lock(self, because: str) -> None:
        """Switch the control off and say why in its tooltip; an empty reason switches it on."""
        self.control.setEnabled(not because)
        self.control.setToolTip(because)


class RowsCard(Card):
    """A card of rows with a rule between two that are shown."""

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, parent=parent)
        self.rows: list[SettingRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def add(self, row: SettingRow) -> SettingRow:
        """Add a row at the end."""
        self.rows.append(row)
        self._column.addWidget(row)
        return row

    def narrow(self, wanted: str) -> int:
        """Show the rows that a search finds; returns how many."""
        found = [row for row in self.rows if row.matches(wanted)]
        for row in self.rows:
            row.setVisible(row in found)
        # a card without rows, yet, stays as it is
        if self.rows:
            self.setVisible(bool(found))
        self.update()
        return len(found)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Surface, edge and rules."""
        super().paintEvent(event)
        painter = QPainter(self)
        shown = [row for row in self.rows if not row.isHidden()]
        for row in shown[1:]:
            painter.fillRect(1, row.y(), self.width() - 2, 1, self._theme.color("border"))
        painter.end()


class LockLine(Card):
    """One line in the tint of `degraded`: why the controls below are switched off."""

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, "degradedSoft", "degradedSoft", parent=parent)
        self.words = Label("", themes, "body", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.addWidget(self.words)
        self.hide()

    def say(self, words: str) -> None:
        """Show the reason; empty words hide the line."""
        self.words.setText(words)
        self.setAccessibleName(words)
        self.setVisible(bool(words))
