"""The models on this machine: table, details of one at the right, and what stands in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from ui.models.details_panel import DetailsPanel, why_not_removable
from ui.models.download_list import DownloadList
from ui.models.failure_place import FailurePlace
from ui.models.model_table import ModelTable
from ui.widgets import BusyRing, Card, EmptyState, Label, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import ThemeSource

PANEL_WIDTH, PANEL_WIDTH_WIDE, PANEL_WIDTH_NARROW = 360, 440, 320
WIDE_FROM, NARROW_BELOW = 1400, 1000


class MachineView(QWidget):
    """Shows a state's models.

    Args:
        presenter: carries out what is wanted.
        themes: where the theme comes from.
        get_models: shows the other view.
        clear_search: empties the search field.
    """

    def __init__(
        self,
        presenter: ModelsPresenter,
        themes: ThemeSource,
        get_models: Callable[[], object],
        clear_search: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presenter, self._themes = presenter, themes
        self.table = ModelTable(themes)
        self.panel = DetailsPanel(presenter, themes)
        self.failure = FailurePlace(themes, [("Dismiss", presenter.dismiss_failure)])
        self.importing = ImportLine(themes)
        self.imports = DownloadList(presenter, themes, self.open, imports=True)
        self.menu = QMenu(self)
        line = "Fetch one from the catalogue, or import a GGUF file."
        self.empty = EmptyState("box", "No models yet", line, themes, ("Get models", get_models), "download")
        self.nothing = EmptyState(
            "search", "No model matches", "Try a shorter word.", themes, ("Clear search", clear_search)
        )
        self.loading = Waiting(
            (0.5, 0.8, 0.6, 0.7),
            themes,
            "Reading the models",
            "Waiting for the backend to tell which models are on this machine.",
            cancellable=False,
        )
        self.stack = QStackedWidget()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        waiting = QWidget()
        bars = QVBoxLayout(waiting)
        bars.setContentsMargins(16, 16, 16, 16)
        bars.addWidget(self.loading)
        bars.addStretch(1)
        self._waiting = waiting
        for one in (waiting, self.table, self.empty, self.nothing):
            self.stack.addWidget(one)
        told = QVBoxLayout()
        told.setContentsMargins(16, 0, 16, 12)
        told.setSpacing(8)
        told.addWidget(self.importing)
        told.addWidget(self.imports)
        told.addWidget(self.failure)
        left = QVBoxLayout()
        left.setSpacing(0)
        self._told = QWidget()
        self._told.setLayout(told)
        left.addWidget(self._told)
        left.addWidget(self.stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(left, 1)
        row.addWidget(self.panel)
        self.panel.hide()
        self.setFocusProxy(self.table)

    def _connect(self) -> None:
        table = self.table
        table.opened.connect(self.open)
        table.moved.connect(self._follow)
        table.toggled.connect(self.toggle)
        table.remove_wanted.connect(self.ask_remove)
        table.menu_wanted.connect(self.open_menu)
        self.panel.closed.connect(self.close_details)

    def _follow(self, name: str) -> None:
        """Open details follow the keyboard."""
        if self._presenter.state.selected:
            self.open(name)

    def open(self, name: str) -> None:
        """Open the details of a model."""
        self._presenter.spawn(self._presenter.select(name))

    def close_details(self) -> None:
        """Close the details; the keyboard goes back to the table."""
        self._presenter.spawn(self._presenter.select(""))
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def toggle(self, name: str) -> None:
        """Load a model, or unload it."""
        model = self._presenter.state.find(name)
        if model is not None and not model.problem and self._presenter.state.connected:
            call = self._presenter.unload if model.loaded else self._presenter.load
            self._presenter.spawn(call(name))

    def ask_remove(self, name: str) -> None:
        """Open the details with the question before a removal."""
        self._presenter.spawn(self._ask_remove(name))

    async def _ask_remove(self, name: str) -> None:
        await self._presenter.select(name)
        model, details = self._presenter.state.find(name), self._presenter.state.details
        if model is not None and not why_not_removable(model, details):
            self._presenter.ask_remove(name)

    def open_menu(self, name: str, at: QPoint) -> None:
        """The menu of a model's row."""
        presenter, model = self._presenter, self._presenter.state.find(name)
        if model is None:
            return
        self.menu.clear()
        usable = not model.problem and presenter.state.connected
        for words, run, enabled in (
            ("Show details", lambda: self.open(name), True),
            ("Unload" if model.loaded else "Load", lambda: self.toggle(name), usable),
            (
                "Unpin" if model.pinned else "Pin in memory",
                lambda: presenter.spawn(presenter.pin(name, not model.pinned)),
                usable,
            ),
            (
                "Make default",
                lambda: presenter.spawn(presenter.make_default(name)),
                usable and not model.default,
            ),
            ("Remove…", lambda: self.ask_remove(name), presenter.state.connected),
        ):
            self.menu.addAction(words, run).setEnabled(enabled)
        self.menu.popup(at)

    def show_state(self, state: ModelsState) -> None:
        """Show this state."""
        self.table.show_state(state)
        self.failure.show_failure(state.failure)
        self.importing.show_names(state.importing)
        self.imports.show_state(state)
        self.imports.setVisible(bool(state.imports))
        self._told.setVisible(bool(state.failure or state.importing or state.imports))
        self.panel.setVisible(state.model is not None)
        self.panel.show_state(state)
        if state.models is None:
            self.stack.setCurrentWidget(self._waiting)
        elif not state.models:
            self.stack.setCurrentWidget(self.empty)
        elif not state.shown_models:
            self.nothing.set_texts(f"No model matches “{state.wanted}”", "Try a shorter word.")
            self.stack.setCurrentWidget(self.nothing)
        else:
            self.stack.setCurrentWidget(self.table)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The pane is wider in a wide window."""
        super().resizeEvent(event)
        self.panel.setFixedWidth(panel_width(self.width()))


class ImportLine(Card):
    """Says which file is being imported."""

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(themes, parent=parent)
        self.words = Label("", themes)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addWidget(BusyRing("Importing", themes))
        row.addWidget(self.words, 1)
        self.hide()

    def show_names(self, names: tuple[str, ...]) -> None:
        """Show these names; none hides it."""
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        self.words.setText(f"Checking {names[0]}{more}" if names else "")
        self.setAccessibleName(self.words.text())
        self.setVisible(bool(names))


def panel_width(page_width: int) -> int:
    """Width of the pane at the right of a page, in pixels."""
    if page_width >= WIDE_FROM:
        return PANEL_WIDTH_WIDE
    return PANEL_WIDTH if page_width >= NARROW_BELOW else PANEL_WIDTH_NARROW
