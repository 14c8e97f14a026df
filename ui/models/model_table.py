"""The table of the models on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from ui.models import words
from ui.models.model_rows import (
    BUSY,
    CONTEXT,
    DISPLAY,
    MEMORY,
    MODEL,
    ROW,
    SIZE,
    SPEED,
    STATE,
    Index,
    ModelRows,
)
from ui.widgets.glyphs import paint_glyph

if TYPE_CHECKING:
    from PySide6.QtGui import QContextMenuEvent, QResizeEvent

    from backend_embedded.contract.models import Model
    from ui.models.state import ModelsState
    from ui.theme import Theme, ThemeSource

ROW_HEIGHT = 48
HEAD_HEIGHT = 30
WIDTHS = {STATE: 128, CONTEXT: 84, MEMORY: 84, SIZE: 84, SPEED: 108}
NAME_WIDTH = 260
"""Least width of the first column; below it columns go."""
LEAVE_FIRST = (CONTEXT, MEMORY)
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ModelDelegate(QStyledItemDelegate):
    """Paints the cells: name over facts, glyph with its word, figures at the right."""

    def __init__(self, view: ModelTable, theme: Theme) -> None:
        super().__init__(view)
        self._view = view
        self.theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One cell."""
        model: Model = index.data(ROW)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        self._ground(painter, rect, index, selected=selected)
        if index.column() == MODEL:
            self._paint_name(painter, rect, model)
        elif index.column() == STATE:
            self._paint_state(painter, rect, model, index.data(BUSY))
        else:
            text = index.data(DISPLAY)
            painter.setFont(self.theme.font("body", numbers=True))
            painter.setPen(self.theme.color("text3" if text == words.UNKNOWN else "text"))
            pad = 16 if index.column() == SPEED else 8
            painter.drawText(rect.adjusted(4, 0, -pad, 0), RIGHT, text)
        painter.restore()

    def _ground(self, painter: QPainter, rect: QRect, index: Index, *, selected: bool) -> None:
        hovered = self._view.hovered_row == index.row()
        painter.fillRect(rect, self.theme.color("selected" if selected else "hover" if hovered else "card"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, self.theme.color("border"))
        if selected and index.column() == MODEL:
            painter.fillRect(rect.left(), rect.top(), 3, rect.height(), self.theme.color("accent"))

    def _paint_name(self, painter: QPainter, rect: QRect, model: Model) -> None:
        theme = self.theme
        half = rect.height() // 2
        top = QRect(rect.left() + 16, rect.top() + 5, rect.width() - 24, half - 4)
        bottom = QRect(top.left(), rect.top() + half + 1, top.width(), half - 6)
        painter.setFont(theme.font("control"))
        painter.setPen(theme.color("text"))
        marks = words.SEPARATOR.join(words.marks_of(model))
        room = QFontMetrics(theme.font("caption")).horizontalAdvance(marks) + 12 if marks else 0
        metrics = QFontMetrics(painter.font())
        title = metrics.elidedText(
            model.title or model.name, Qt.TextElideMode.ElideRight, max(80, top.width() - room)
        )
        painter.drawText(top, LEFT, title)
        if marks:
            shift = metrics.horizontalAdvance(title) + 10
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.color("accent" if model.default else "text2"))
            left = top.adjusted(shift, 0, 0, 0)
            marks = QFontMetrics(painter.font()).elidedText(marks, Qt.TextElideMode.ElideRight, left.width())
            painter.drawText(left, LEFT, marks)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("down" if model.problem else "text3"))
        line = QFontMetrics(painter.font()).elidedText(
            words.line_of_model(model), Qt.TextElideMode.ElideRight, bottom.width()
        )
        painter.drawText(bottom, LEFT, line)

    def _paint_state(self, painter: QPainter, rect: QRect, model: Model, busy: str) -> None:
        glyph, word = words.state_of_model(model, busy)
        tone = {"down": "down", "off": "text2"}.get(glyph, "text")
        middle = QRectF(rect).center().y()
        shape = "off" if glyph == "busy" else glyph
        paint_glyph(painter, shape, QPointF(rect.left() + 12, middle), 8, self.theme)
        painter.setFont(self.theme.font("body"))
        painter.setPen(self.theme.color(tone))
        painter.drawText(rect.adjusted(24, 0, -4, 0), LEFT, word)


class ModelTable(QTableView):
    """Emits what is wanted of a row's model, by its name.

    Signals:
        opened: its details.
        moved: the keyboard came to it.
        toggled: load or unload it.
        remove_wanted: remove it.
        menu_wanted: its menu, and where on the screen.
    """

    opened = Signal(str)
    moved = Signal(str)
    toggled = Signal(str)
    remove_wanted = Signal(str)
    menu_wanted = Signal(str, object)

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = ModelRows(self)
        self.hovered_row = -1
        self._delegate = ModelDelegate(self, themes.theme)
        self.setAccessibleName("Models on this machine")
        self.setModel(self.rows)
        self.setItemDelegate(self._delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(MODEL, QHeaderView.ResizeMode.Stretch)
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setStyleSheet(
            "QHeaderView::section:first { padding-left: 16px } QHeaderView::section:last { padding-right: 16px }"
        )
        self.clicked.connect(lambda index: self._say(self.opened, index.row()))
        self.activated.connect(lambda index: self._say(self.opened, index.row()))
        self.entered.connect(lambda index: self._hover(index.row()))
        self.viewportEntered.connect(lambda: self._hover(-1))
        self.selectionModel().currentRowChanged.connect(lambda now, _: self._say(self.moved, now.row()))
        themes.changed.connect(self._use)
        self._use(themes.theme)

    def show_state(self, state: ModelsState) -> None:
        """Show the models of a state and mark the selected one."""
        current = self.current_name()
        blocked = self.selectionModel().blockSignals(True)
        self.rows.show_models(state.shown_models, state.busy)
        row = self.rows.row_of(state.selected)
        if row >= 0:
            self.selectRow(row)
        else:
            self.clearSelection()
            kept = self.rows.row_of(current)
            if kept >= 0:
                self.selectionModel().setCurrentIndex(
                    self.rows.index(kept, 0), self.selectionModel().SelectionFlag.NoUpdate
                )
        self.selectionModel().blockSignals(blocked)
        self.viewport().update()

    def current_name(self) -> str:
        """Name of the model that the keyboard is at; empty for none."""
        model = self.rows.model_at(self.currentIndex().row())
        return model.name if model else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter opens, Space loads or unloads, Delete removes; all else as in every table."""
        row = self.currentIndex().row()
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._say(self.opened, row)
            case Qt.Key.Key_Space:
                self._say(self.toggled, row)
            case Qt.Key.Key_Delete:
                self._say(self.remove_wanted, row)
            case _:
                super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """The menu of the row under the pointer, or of the current one for the Menu key."""
        by_mouse = event.reason() == event.Reason.Mouse
        index = self.indexAt(event.pos()) if by_mouse else self.currentIndex()
        model = self.rows.model_at(index.row())
        if model is not None:
            at = event.globalPos()
            if not by_mouse:
                at = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
            self.menu_wanted.emit(model.name, at)

    def leaveEvent(self, event: object) -> None:  # noqa: N802
        """No row is under the pointer."""
        self._hover(-1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Columns go where there is no room for them."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        scale = self._delegate.theme.scale
        widths = {column: round(width * max(1.0, scale)) for column, width in WIDTHS.items()}
        room = self.viewport().width() - NAME_WIDTH - sum(widths.values())
        for column in LEAVE_FIRST:
            gone = room < 0
            room += widths[column] if gone else 0
            self.setColumnHidden(column, gone)
        for column, width in widths.items():
            self.setColumnWidth(column, width)

    def _hover(self, row: int) -> None:
        if row != self.hovered_row:
            self.hovered_row = row
            self.viewport().update()

    def _say(self, signal: object, row: int) -> None:
        model = self.rows.model_at(row)
        if model is not None:
            signal.emit(model.name)  # type: ignore[attr-defined]

    def _use(self, theme: Theme) -> None:
        self._delegate.theme = theme
        self.horizontalHeader().setFont(theme.font("label"))
        self.horizontalHeader().setFixedHeight(theme.scaled(HEAD_HEIGHT))
        self.verticalHeader().setDefaultSectionSize(theme.scaled(ROW_HEIGHT))
        self._fit()
        self.viewport().update()
