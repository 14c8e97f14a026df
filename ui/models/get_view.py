"""Models that can be fetched: the catalogue, any model by name, and the downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from backend_embedded.contract.library import DownloadState
from ui.models.catalogue_list import CatalogueList
from ui.models.download_list import DownloadList
from ui.models.failure_place import FailurePlace
from ui.models.lookup import Lookup
from ui.models.machine_view import panel_width
from ui.widgets import EmptyState, Label, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import Theme, ThemeSource

LIST_WIDTH = 880
OFFLINE = "The catalogue came with the program and needs no network; fetching does."


class GetView(QWidget):
    """Shows a state's catalogue and downloads.

    Args:
        presenter: carries out what is wanted.
        themes: where the theme comes from.
        show_model: shows a fetched model by name.
        clear_search: empties the search field.
    """

    def __init__(
        self,
        presenter: ModelsPresenter,
        themes: ThemeSource,
        show_model: Callable[[str], object],
        clear_search: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.catalogue = CatalogueList(presenter, themes)
        self.lookup = Lookup(presenter, themes)
        self.downloads = DownloadList(presenter, themes, show_model)
        self.hint = Label(OFFLINE, themes, "caption", "text3", wrap=True)
        self.loading = Waiting(
            (0.5, 0.9, 0.7, 0.6, 0.8),
            themes,
            "Reading the catalogue",
            "Waiting for the backend to read the catalogue and what of it is on this machine.",
        )
        self.loading.cancelled.connect(presenter.give_up_catalogue)
        again = ("Try again", lambda: presenter.spawn(presenter.read_catalogue()))
        self.failure = FailurePlace(themes, [again])
        self.nothing = EmptyState(
            "search", "No model matches", "Try a shorter word.", themes, ("Clear search", clear_search)
        )
        self._lay_out(themes)

    def _lay_out(self, themes: ThemeSource) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(16, 0, 16, 16)
        column.setSpacing(12)
        for part in (self.failure, self.loading, self.hint, self.catalogue):
            column.addWidget(part)
        column.addWidget(self.nothing, 1)
        column.addStretch(1)
        left.setMaximumWidth(LIST_WIDTH + 32)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(left, 1)
        line.addStretch(0)
        self.list_scroller = _scrolled(holder)
        side = QWidget()
        pane = QVBoxLayout(side)
        pane.setContentsMargins(17, 12, 16, 16)
        pane.setSpacing(24)
        pane.addWidget(self.lookup)
        pane.addWidget(self.downloads)
        pane.addStretch(1)
        self.side = SidePane(side, themes)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.list_scroller, 1)
        row.addWidget(self.side)
        self.setFocusProxy(self.lookup.field.edit)

    def show_state(self, state: ModelsState) -> None:
        """Show this state."""
        self.catalogue.show_state(state)
        self.lookup.show_state(state)
        self.downloads.show_state(state)
        self.failure.show_failure(state.catalogue_failure)
        self.loading.setVisible(state.catalogue is None and state.catalogue_failure is None)
        nothing = state.catalogue is not None and not state.shown_catalogue
        words = f"No model of the catalogue matches “{state.wanted}”" if state.wanted else "None of this kind"
        self.nothing.set_texts(words, "Any model can be looked up by its name, at the right.")
        self.nothing.setVisible(nothing)
        failed = any(one.state is DownloadState.FAILED for one in state.shown_downloads)
        self.hint.setVisible((failed or state.remote_failure is not None) and bool(state.shown_catalogue))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The pane is wider in a wide window."""
        super().resizeEvent(event)
        self.side.setFixedWidth(panel_width(self.width()))


class SidePane(QWidget):
    """A scrolled pane with an edge at its left."""

    def __init__(self, inner: QWidget, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = themes.theme
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(_scrolled(inner))
        themes.changed.connect(self._use)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and edge."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.fillRect(0, 0, 1, self.height(), self._theme.color("border"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


def _scrolled(inner: QWidget) -> QScrollArea:
    scroller = QScrollArea()
    scroller.setFrameShape(QFrame.Shape.NoFrame)
    scroller.setWidgetResizable(True)
    scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroller.setWidget(inner)
    scroller.viewport().setAutoFillBackground(False)
    inner.setAutoFillBackground(False)
    return scroller
