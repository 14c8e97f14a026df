"""The settings of the window and of the backend, and the ways that lead into them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.features.port import Surroundings, open_folder
from app.main_window import SETTINGS
from backend_embedded.contract.events import Event
from backend_embedded.contract.product import VERSION
from ui.settings.about import read_about
from ui.settings.actions import settings_actions
from ui.settings.page import SettingsPage
from ui.settings.presenter import SettingsPresenter
from ui.settings.state import Appearance


class SettingsFeature:
    """The settings page and what belongs to it. Made in the loop."""

    key = SETTINGS

    def __init__(self, around: Surroundings) -> None:
        self._window = around.window
        loop = asyncio.get_running_loop()
        self._presenter = SettingsPresenter(
            around.client,
            around.preferences,
            self._apply_appearance,
            local_api=around.client,
            services=around.client,
            home=around.paths.as_wire(),
            read_about=lambda: loop.run_in_executor(around.thread, read_about, VERSION),
        )
        self._window.shell.table.add(*settings_actions(self._presenter, self.show))

    def show(self, name: str) -> None:
        """Show a setting by its name."""
        self._window.shell.show_page(SETTINGS)
        page = self._window.slots[SETTINGS].page
        if isinstance(page, SettingsPage):
            page.show_setting(name)

    def use_model(self, name: str, *, instead_of: str) -> None:
        """Answer with this model from now on; with Ollama alone, when the one it replaces was for Ollama."""
        settings = self._presenter.state.settings
        for_ollama = settings is not None and bool(instead_of) and settings.ollama_model == instead_of
        self._presenter.spawn(self._presenter.change("ollama_model" if for_ollama else "default_model", name))

    def page(self) -> QWidget:
        """The settings page."""
        return SettingsPage(
            self._presenter, self._window.themes, open_folder=lambda folder: open_folder(Path(folder))
        )

    def event_arrived(self, event: Event) -> None:
        """Show it on the page."""
        self._presenter.event_arrived(event)

    def connection_changed(self, is_open: bool) -> None:
        """Read anew what may have changed."""
        self._presenter.connection_changed(is_open)

    async def close(self) -> None:
        """End every task."""
        await self._presenter.close()

    def _apply_appearance(self, chosen: Appearance) -> None:
        self._window.themes.choose(
            chosen.theme, chosen.text_percent / 100, reduced_motion=chosen.reduced_motion
        )
