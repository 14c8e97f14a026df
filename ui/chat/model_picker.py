"""The button with the model's name, and the popover in which another model is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.chat import words
from ui.widgets import GhostButton, Label, SearchField, SecondaryButton
from ui.widgets.floating import SHADOW_PX, Floating
from ui.widgets.glyphs import paint_glyph

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QModelIndex, QPersistentModelIndex

    from backend_embedded.contract.models import Model
    from ui.chat.state import ChatState
    from ui.theme import ThemeSource

WIDTH = 420
ROW_HEIGHT = 44
MOST_ROWS = 8
NAME = int(Qt.ItemDataRole.UserRole)
MODEL = NAME + 1


def facts_of(model: Model) -> str:
    """`Q4_0 · 638 MB · 38.2 tok/s · llama.cpp`, or why it cannot be used."""
    if model.problem:
        return model.problem
    speed = words.rate(model.tokens_per_s) if model.tokens_per_s > 0 else ""
    parts = (model.quantization, words.file_size(model.size_bytes), speed, words.product(model.provider))
    return words.SEPARATOR.join(part for part in parts if part)


def badge_of(model: Model) -> str:
    """What is special about it, in a word."""
    marks = [word for word, holds in (("loaded", model.loaded), ("default", model.default)) if holds]
    return ", ".join(marks)


class ModelDelegate(QStyledItemDelegate):
    """Paints a model's row: glyph, name, facts under it, badge at the right."""

    def __init__(self, themes: ThemeSource, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Rows of one height."""
        return QSize(0, self._themes.theme.scaled(ROW_HEIGHT))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """One row."""
        theme, model = self._themes.theme, index.data(MODEL)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            selected = state & QStyle.StateFlag.State_Selected
            painter.setBrush(theme.color("selected" if selected else "hover"))
            painter.drawRoundedRect(rect.adjusted(4, 0, -4, 0), 6, 6)
        half = theme.scaled(22)
        glyph = "down" if model.problem else "ok" if model.loaded else "off"
        paint_glyph(
            painter, glyph, QRect(rect.left() + 14, rect.top() + 5, 8, half - 5).center().toPointF(), 8, theme
        )
        top, bottom = rect.adjusted(32, 5, -14, -half), rect.adjusted(32, half, -14, -4)
        badge = badge_of(model)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text3"))
        painter.drawText(top, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, badge)
        painter.setPen(theme.color("down" if model.problem else "text3"))
        facts = QFontMetrics(painter.font()).elidedText(
            facts_of(model), Qt.TextElideMode.ElideRight, bottom.width()
        )
        painter.drawText(bottom, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, facts)
        taken = QFontMetrics(painter.font()).horizontalAdvance(badge) + 8
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("disabled" if model.problem else "text"))
        title = QFontMetrics(painter.font()).elidedText(
            model.title, Qt.TextElideMode.ElideRight, top.width() - taken
        )
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.restore()


class ModelPopover(Floating):
    """A list of the models with a search field; Enter takes the marked one, Esc closes."""

    chosen = Signal(str)
    manage_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(themes, parent=parent)
        self.setWindowFlags(
            Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint | Qt.WindowType.NoDropShadowWindowHint
        )
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAccessibleName("Models")
        self._models: tuple[Model, ...] = ()
        self.search = SearchField("Search models", themes)
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Models")
        self.list.setItemDelegate(ModelDelegate(themes, self.list))
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._take)
        self.list.itemActivated.connect(self._take)
        self._nothing = Label("", themes, "caption", "text3", wrap=True)
        self.manage = GhostButton("Manage models", themes, "box")
        self.manage.clicked.connect(self.close)
        self.manage.clicked.connect(self.manage_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self._nothing)
        layout.addWidget(self.list)
        layout.addWidget(self.manage, 0, Qt.AlignmentFlag.AlignLeft)
        self._themes = themes

    def open_at(self, corner: QPoint, models: tuple[Model, ...], current: str) -> None:
        """Open with the right upper corner of the plate there."""
        self._models = tuple(
            sorted(models, key=lambda m: (m.problem is not None, not m.loaded, not m.default))
        )
        self.search.clear()
        self._fill("")
        for row in range(self.list.count()):
            if self.list.item(row).data(NAME) == current:
                self.list.setCurrentRow(row)
        self.setFixedWidth(self._themes.theme.scaled(WIDTH) + 2 * SHADOW_PX)
        self.adjustSize()
        self.move(corner.x() - self.width() + SHADOW_PX, corner.y() - SHADOW_PX + 4)
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Arrows and Enter in the search field move and take the marked row."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                rows = max(1, self.list.count())
                self.list.setCurrentRow((self.list.currentRow() + step) % rows)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                current = self.list.currentItem()
                if current is not None:
                    self._take(current)
                return True
        return super().eventFilter(watched, event)

    def _fill(self, text: str) -> None:
        wanted = text.casefold().strip()
        self.list.clear()
        for model in self._models:
            if wanted in f"{model.title} {model.name} {model.quantization}".casefold():
                item = QListWidgetItem(model.title)
                item.setData(NAME, model.name)
                item.setData(MODEL, model)
                spoken = ", ".join(part for part in (model.title, facts_of(model), badge_of(model)) if part)
                item.setData(int(Qt.ItemDataRole.AccessibleTextRole), spoken)
                item.setToolTip(model.path)
                if model.problem:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsSelectable)
                self.list.addItem(item)
        found = self.list.count()
        self.list.setCurrentRow(0 if found else -1)
        row_px = self._themes.theme.scaled(ROW_HEIGHT)
        self.list.setFixedHeight(row_px * min(MOST_ROWS, max(1, found)) + 4)
        self.list.setVisible(found > 0)
        self._nothing.setVisible(found == 0)
        self._nothing.setText(f"No model matches “{text}”" if wanted else "No model was found")

    def _take(self, item: QListWidgetItem) -> None:
        model: Model = item.data(MODEL)
        if model.problem is None:
            self.close()
            self.chosen.emit(model.name)


class ModelPicker(SecondaryButton):
    """Shows the model of the next answer; opens the popover."""

    chosen = Signal(str)
    manage_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__("No model", themes, "box", parent=parent)
        self._models: tuple[Model, ...] = ()
        self._current = ""
        self.anchor: Callable[[], QWidget] = lambda: self
        """Under what the popover opens."""
        self.popover = ModelPopover(themes, self)
        self.popover.chosen.connect(self.chosen)
        self.popover.manage_wanted.connect(self.manage_wanted)
        self.clicked.connect(self.open)

    def show_state(self, state: ChatState) -> None:
        """Show the model of the next answer."""
        self._models = state.talkers
        model = state.model
        self._current = model.name if model else ""
        title = model.title if model else "No model"
        if len(title) > 32:
            title = title[:31] + "…"
        self.setText(f"{title}   {model.quantization}".rstrip() if model else title)
        self.setAccessibleName(f"Model for the next answer: {model.title if model else 'none'}")
        self.setToolTip("Choose the model for the next answer")

    def open(self) -> None:
        """Open the popover under the button."""
        anchor = self.anchor()
        self.popover.open_at(anchor.mapToGlobal(anchor.rect().bottomRight()), self._models, self._current)
