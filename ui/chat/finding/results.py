"""What a search over all conversations found, each with its place and the words in bold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.chat import words
from ui.chat.finding.finding_state import marked, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex
    from PySide6.QtWidgets import QWidget

    from backend_embedded.contract.conversations import SearchHit
    from ui.theme import ThemeSource

HIT = int(Qt.ItemDataRole.UserRole)
SPOKEN = int(Qt.ItemDataRole.AccessibleTextRole)
ROW_HEIGHT = 48


class HitDelegate(QStyledItemDelegate):
    """Paints title and time, and the excerpt under them."""

    def __init__(self, themes: ThemeSource, now: Callable[[], datetime], parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes
        self._now = now

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Rows of one height."""
        return QSize(0, self._themes.theme.scaled(ROW_HEIGHT))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """One row."""
        theme, hit = self._themes.theme, index.data(HIT)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            chosen = state & QStyle.StateFlag.State_Selected
            painter.setBrush(theme.color("selected" if chosen else "hover"))
            painter.drawRoundedRect(rect.adjusted(8, 0, -8, 0), 6, 6)
        half = rect.height() // 2
        top = QRect(rect.left() + 16, rect.top() + 4, rect.width() - 34, half - 4)
        bottom = top.translated(0, half - 4)
        when = words.short_time(hit.created_at, self._now()) if hit.created_at else ""
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text3"))
        painter.drawText(top, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, when)
        taken = QFontMetrics(painter.font()).horizontalAdvance(when) + 8
        painter.setFont(theme.font("strong" if hit.in_title else "body"))
        painter.setPen(theme.color("text"))
        title = QFontMetrics(painter.font()).elidedText(
            hit.conversation_title, Qt.TextElideMode.ElideRight, top.width() - taken
        )
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        self._paint_excerpt(painter, bottom, hit)
        painter.restore()

    def _paint_excerpt(self, painter: QPainter, area: QRect, hit: SearchHit) -> None:
        theme, left = self._themes.theme, area.left()
        runs = list(marked(hit.snippet))
        if runs and not runs[0][1] and len(runs[0][0]) > 14:
            runs[0] = ("…" + runs[0][0][-12:], False)
        for text, match in runs:
            painter.setFont(theme.font("caption", weight=600 if match else 400))
            painter.setPen(theme.color("text" if match else "text2"))
            metrics = QFontMetrics(painter.font())
            rest = area.right() - left
            if rest < 12:
                return
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rest)
            painter.drawText(
                QRect(left, area.top(), rest, area.height()),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                shown,
            )
            left += metrics.horizontalAdvance(text)


class SearchResults(QListWidget):
    """The hits; Enter or a click goes there."""

    hit_chosen = Signal(object)

    def __init__(
        self,
        themes: ThemeSource,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._shown: tuple[SearchHit, ...] = ()
        self.setAccessibleName("Search results")
        self.setItemDelegate(HitDelegate(themes, now, self))
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._take)
        self.itemActivated.connect(self._take)

    def show_hits(self, hits: Sequence[SearchHit]) -> None:
        """Show these."""
        if tuple(hits) == self._shown:
            return
        self._shown = tuple(hits)
        self.clear()
        for hit in hits:
            item = QListWidgetItem()
            item.setData(HIT, hit)
            item.setData(SPOKEN, f"{hit.conversation_title}: {plain(hit.snippet)}")
            item.setToolTip(plain(hit.snippet))
            self.addItem(item)

    def _take(self, item: QListWidgetItem) -> None:
        self.hit_chosen.emit(item.data(HIT))
