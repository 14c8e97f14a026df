"""The overview: every capability with who serves it and how well."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.features.port import Surroundings
from app.features.settings import SettingsFeature
from app.main_window import OVERVIEW
from backend_embedded.contract.events import Event
from ui.overview.actions import overview_actions
from ui.overview.page import OverviewPage
from ui.overview.presenter import OverviewPresenter


class OverviewFeature:
    """The overview page and what belongs to it."""

    key = OVERVIEW

    def __init__(self, around: Surroundings, settings: SettingsFeature) -> None:
        self._window, self._settings = around.window, settings
        self._presenter = OverviewPresenter(around.client)

    def page(self) -> QWidget:
        """The overview page."""
        page = OverviewPage(self._presenter, self._window.themes, open_setting=self._settings.show)
        self._window.shell.table.add(*overview_actions(page))
        return page

    def event_arrived(self, event: Event) -> None:
        """Show it on the page."""
        self._presenter.event_arrived(event)

    def connection_changed(self, is_open: bool) -> None:
        """Read anew what may have changed."""
        self._presenter.connection_changed(is_open)

    async def close(self) -> None:
        """End every task."""
        await self._presenter.close()
