"""The buttons of a header in a row; those that have no room go into a menu, from the left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QWidget

from ui.widgets.buttons import IconButton

if TYPE_CHECKING:
    from ui.theme import ThemeSource

GAP_PX = 8


class ActionRow(QWidget):
    """Shows as many of its buttons as fit; emits `changed` when another number of them is wanted.

    Whether a button is wanted at all is its own visibility, as its owner sets it.
    """

    changed = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: list[tuple[QAbstractButton, QWidget]] = []
        self.more = IconButton("ellipsis", "More actions", themes)
        self.more.clicked.connect(self._open_menu)
        self.more.hide()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GAP_PX)
        self._row.addWidget(self.more)

    def add(self, button: QAbstractButton) -> None:
        """Put a button at the right end."""
        # a place of its own: hiding it leaves the button as its owner wants it
        place = QWidget()
        inner = QHBoxLayout(place)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(button)
        self._row.insertWidget(self._row.count() - 1, place)
        self._places.append((button, place))
        button.installEventFilter(self)

    def fit(self, room_px: int) -> None:
        """Show what fits into so many pixels."""
        wanted = [(button, place) for button, place in self._places if not button.isHidden()]
        widths = [_width_of(button) for button, _ in wanted]
        hidden = 0
        while _total(widths[hidden:], [self.more.width()] if hidden else []) > room_px:
            if hidden == len(widths) or widths == [self.more.width()]:
                break  # the menu would need as much as what is left
            hidden += 1
        for number, (_, place) in enumerate(wanted):
            place.setVisible(number >= hidden)
        for button, place in self._places:
            if button.isHidden():
                place.hide()
        self.more.setVisible(hidden > 0)
        self.setFixedWidth(_total(widths[hidden:], [self.more.width()] if hidden else []))

    def place_of(self, button: QWidget) -> QWidget:
        """Where a button is to be found: itself, or the one with the menu that it is in."""
        return button if button.isVisible() else self.more

    def menu(self) -> QMenu:
        """What has no room."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button, place in self._places:
            if place.isHidden() and not button.isHidden():
                name = button.accessibleName() or button.text()
                entry = menu.addAction(name, button.click)
                entry.setEnabled(button.isEnabled())
                entry.setCheckable(button.isCheckable())
                entry.setChecked(button.isChecked())
        return menu

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A button was shown, hidden, or has another text."""
        if event.type() in (
            QEvent.Type.ShowToParent,
            QEvent.Type.HideToParent,
            QEvent.Type.FontChange,
            QEvent.Type.StyleChange,
        ):
            self.changed.emit()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Some button has another size."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.changed.emit()
        return super().event(event)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """The menu alone will do."""
        return QSize(self.more.width(), self.more.height())

    def _open_menu(self) -> None:
        self.menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))


def _total(widths: list[int], more: list[int]) -> int:
    all_of_them = widths + more
    return sum(all_of_them) + GAP_PX * max(0, len(all_of_them) - 1)


def _width_of(button: QWidget) -> int:
    return button.sizeHint().expandedTo(button.minimumSize()).boundedTo(button.maximumSize()).width()
