"""A structured answer as a tree that opens and closes, with the raw text one press away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from ui.widgets import Label, SecondaryButton
from ui.widgets.cards import Card

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtWidgets import QWidget

    from ui.theme import Theme, ThemeSource

ROW_HEIGHT = 26
MOST_ROWS = 12


class TreeRows(QStyledItemDelegate):
    """Rows of one height."""

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """As high as a row of a list."""
        return QSize(super().sizeHint(option, index).width(), ROW_HEIGHT)


class AnswerTree(Card):
    """The values of a JSON answer by their names."""

    resized = Signal()

    def __init__(self, value: Any, themes: ThemeSource, parent: QWidget) -> None:
        super().__init__(themes, parent=parent)
        self.setAccessibleName("Answer as a tree")
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Values of the answer")
        self.tree.setHeaderHidden(True)
        self.tree.setColumnCount(2)
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.addTopLevelItems(_items(value))
        self.tree.setItemDelegate(TreeRows(self.tree))
        self.tree.expandToDepth(1)
        self.tree.setColumnWidth(0, 220)
        self.tree.setFont(themes.theme.font("body"))
        self.toggle = SecondaryButton("Hide tree", themes, small=True)
        self.toggle.clicked.connect(self._toggle)
        head = QHBoxLayout()
        head.addWidget(Label("Values", themes, "strong"), 1)
        head.addWidget(self.toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 8, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.tree)
        self.tree.itemExpanded.connect(lambda _: self._fit())
        self.tree.itemCollapsed.connect(lambda _: self._fit())
        self._fit()

    def _toggle(self) -> None:
        self.tree.setVisible(self.tree.isHidden())
        self.toggle.setText("Show tree" if self.tree.isHidden() else "Hide tree")
        self.resized.emit()

    def _fit(self) -> None:
        rows = sum(_rows(self.tree.topLevelItem(n)) for n in range(self.tree.topLevelItemCount()))
        self.tree.setFixedHeight(ROW_HEIGHT * max(1, min(MOST_ROWS, rows)) + 4)
        self.resized.emit()

    def _use(self, theme: Theme) -> None:
        super()._use(theme)
        self.tree.setFont(theme.font("body"))


def _rows(item: QTreeWidgetItem | None) -> int:
    if item is None:
        return 0
    below = sum(_rows(item.child(n)) for n in range(item.childCount())) if item.isExpanded() else 0
    return 1 + below


def _items(value: Any) -> list[QTreeWidgetItem]:
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value, 1))
    return [_item(str(name), inner) for name, inner in pairs]


def _item(name: str, value: Any) -> QTreeWidgetItem:
    if isinstance(value, dict | list):
        kind = (
            f"{len(value)} {'field' if isinstance(value, dict) else 'item'}{'' if len(value) == 1 else 's'}"
        )
        item = QTreeWidgetItem([name, kind])
        item.addChildren(_items(value))
        return item
    shown = {None: "null", True: "true", False: "false"}.get(value) if not isinstance(value, str) else value
    return QTreeWidgetItem([name, shown if isinstance(shown, str) else str(value)])
