"""All downloads, one card each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from backend_embedded.contract.library import DownloadState
from ui.models.download_card import DownloadCard
from ui.models.failure_place import FailurePlace
from ui.widgets import Label

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import ThemeSource


class DownloadList(QWidget):
    """Cards in the order in which the downloads began; those that failed to begin stand under them.

    Args:
        presenter: carries out what is wanted.
        themes: where the theme comes from.
        show_model: shows a fetched model by name.
        imports: show only files that are being imported, without a heading.
    """

    def __init__(
        self,
        presenter: ModelsPresenter,
        themes: ThemeSource,
        show_model: Callable[[str], object],
        *,
        imports: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._imports = imports
        self._presenter, self._themes, self._show_model = presenter, themes, show_model
        self.cards: dict[str, DownloadCard] = {}
        self.refused: dict[str, FailurePlace] = {}
        self.heading = Label("Downloads", themes, "cardTitle")
        self.nothing = Label("Nothing is being fetched.", themes, "caption", "text3", wrap=True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(self.heading)
        self.heading.setVisible(not imports)
        self._column.addWidget(self.nothing)

    def show_state(self, state: ModelsState) -> None:
        """Show the downloads of a state; cards that stay keep the keyboard."""
        downloads = state.imports if self._imports else state.shown_downloads
        shown = {download.id: download for download in downloads}
        for key in [key for key in self.cards if key not in shown]:
            _take_out(self._column, self.cards.pop(key))
        for key, download in shown.items():
            if key not in self.cards:
                self.cards[key] = self._card(key, download.name)
                self._column.addWidget(self.cards[key])
            held = download.state not in (DownloadState.DONE, DownloadState.FAILED)
            locked = state.locked_because if held or not state.connected else ""
            self.cards[key].show_download(download, state.download_failures.get(key), locked)
        if not self._imports:
            self._show_refused(state, {download.id for download in state.downloads})
        self.nothing.setVisible(not (shown or self.refused or self._imports))

    def _show_refused(self, state: ModelsState, shown: set[str]) -> None:
        """Downloads that did not begin."""
        keys = [key for key in state.download_failures if key not in shown]
        for key in [key for key in self.refused if key not in keys]:
            _take_out(self._column, self.refused.pop(key))
        for key in keys:
            if key not in self.refused:
                self.refused[key] = self._refusal(key)
                self._column.addWidget(self.refused[key])
            self.refused[key].show_failure(state.download_failures[key])

    def _refusal(self, key: str) -> FailurePlace:
        presenter = self._presenter
        again = ("Try again", lambda: presenter.spawn(presenter.download(key)))
        return FailurePlace(self._themes, [again, ("Dismiss", lambda: presenter.dismiss(key))])

    def _card(self, key: str, name: str) -> DownloadCard:
        presenter, spawn = self._presenter, self._presenter.spawn
        card = DownloadCard(name, self._themes)
        card.pause_wanted.connect(lambda: spawn(presenter.pause(key)))
        card.resume_wanted.connect(lambda: spawn(presenter.resume(key)))
        card.cancel_wanted.connect(lambda: spawn(presenter.cancel(key)))
        card.dismissed.connect(lambda: presenter.dismiss(key))
        card.show_wanted.connect(lambda: self._show_model(name))
        return card


def _take_out(column: QVBoxLayout, widget: QWidget) -> None:
    widget.hide()
    column.removeWidget(widget)
    widget.deleteLater()
