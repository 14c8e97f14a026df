"""The rows of the command palette: a list model of headings and actions, and how they are painted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.shell.actions import Action
from ui.shell.ranking import Match
from ui.theme import Theme
from ui.theme.icons import pixmap
from ui.widgets.chip import cap_widths, keys_of, paint_caps

DISPLAY = int(Qt.ItemDataRole.DisplayRole)
ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
SELECTED = QStyle.StateFlag.State_Selected
INDENT_PX = 12
TITLE_PX = 40
Index = QModelIndex | QPersistentModelIndex
Row = str | tuple[Action, Match]
"""A heading, or an action with how it matches."""


class PaletteRows(QAbstractListModel):
    """Headings, which cannot be selected, and actions, which can."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []

    def show_groups(self, groups: Sequence[tuple[str, Sequence[tuple[Action, Match]]]]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = []
        for group, members in groups:
            self._rows.append(group)
            self._rows.extend(members)
        self.endResetModel()

    def row(self, number: int) -> Row:
        """What a row shows."""
        return self._rows[number]

    def action(self, index: Index) -> Action | None:
        """The action of a row; None for a heading or no row."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        return None if isinstance(row, str) else row[0]

    def next_action(self, start: int, step: int) -> QModelIndex:
        """The nearest action from a row on, going round at the ends; invalid when there is none."""
        count = len(self._rows)
        for distance in range(1, count + 1):
            number = (start + step * distance) % count
            if not isinstance(self._rows[number], str):
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Headings and actions."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = DISPLAY) -> str | None:
        """Title; for screen readers with place and shortcut."""
        if role not in (DISPLAY, ACCESSIBLE):
            return None
        row = self._rows[index.row()]
        if isinstance(row, str):
            return row
        action = row[0]
        if role == DISPLAY:
            return action.title
        return ", ".join(part for part in (action.title, action.place, action.shortcut) if part)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Headings are not for selection."""
        if isinstance(self._rows[index.row()], str):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class PaletteDelegate(QStyledItemDelegate):
    """Paints icon, title with the match in bold, place and key caps."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self.theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """36 for an action, 28 for a heading."""
        action = _rows(index).action(index)
        return QSize(100, self.theme.scaled(28 if action is None else 36))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        rect, state = option.rect, option.state
        row = _rows(index).row(index.row())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(row, str):
            self._paint_heading(painter, rect, row)
        else:
            self._paint_action(painter, rect, row, selected=bool(state & SELECTED))
        painter.restore()

    def _paint_heading(self, painter: QPainter, rect: QRect, words: str) -> None:
        painter.setFont(self.theme.font("label"))
        painter.setPen(self.theme.color("text3"))
        box = rect.adjusted(INDENT_PX, 0, -INDENT_PX, 0)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)

    def _paint_action(
        self, painter: QPainter, rect: QRect, row: tuple[Action, Match], *, selected: bool
    ) -> None:
        action, found = row
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("selected"))
            painter.drawRoundedRect(QRectF(rect), 6, 6)
        token = "accent" if selected else "text2"
        middle = rect.center().y() + 1
        painter.drawPixmap(rect.left() + INDENT_PX, middle - 8, pixmap(action.icon, token, 16, self.theme))
        right = self._paint_keys(painter, action.shortcut, rect.right() - INDENT_PX, middle, selected)
        right = self._paint_place(painter, action.place, rect, right)
        self._paint_title(painter, action.title, found, rect.adjusted(TITLE_PX, 0, right - rect.right(), 0))

    def _paint_keys(self, painter: QPainter, shortcut: str, right: int, middle: int, selected: bool) -> int:
        if not shortcut:
            return right
        keys = keys_of(shortcut)
        widths = cap_widths(keys, self.theme)
        left = right - sum(widths) - 4 * (len(widths) - 1)
        paint_caps(painter, keys, left, middle, self.theme, on_selected=selected)
        return left - 8

    def _paint_place(self, painter: QPainter, place: str, rect: QRect, right: int) -> int:
        if not place:
            return right
        font = self.theme.font("caption")
        painter.setFont(font)
        painter.setPen(self.theme.color("text3"))
        left = right - QFontMetrics(font).horizontalAdvance(place)
        box = QRect(left, rect.top(), right - left + 1, rect.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, place)
        return left - 12

    def _paint_title(self, painter: QPainter, title: str, found: Match, box: QRect) -> None:
        """The title in one line, the matching parts bold, cut at the right with an ellipsis."""
        plain, bold = self.theme.font("message"), self.theme.font("message", weight=600)
        painter.setPen(self.theme.color("text"))
        left, place = box.left(), 0
        for start, end in (*found.spans, (len(title), len(title))):
            for part, font in ((title[place:start], plain), (title[start:end], bold)):
                metrics = QFontMetrics(font)
                room = box.right() - left
                shown = metrics.elidedText(part, Qt.TextElideMode.ElideRight, room)
                painter.setFont(font)
                area = QRect(left, box.top(), room, box.height())
                painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
                left += metrics.horizontalAdvance(shown)
                if shown != part:
                    return
            place = end


def _rows(index: Index) -> PaletteRows:
    model = index.model()
    assert isinstance(model, PaletteRows)
    return model
