"""The model library: its page, and what happens to models out of sight."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.features.model_news import ModelNews, Ways, lacking_model
from app.features.port import Surroundings
from app.features.settings import SettingsFeature
from app.main_window import MODELS
from backend_embedded.contract.events import Event
from ui.models.actions import model_actions, models_actions
from ui.models.page import ModelsPage
from ui.models.presenter import ModelsPresenter


class ModelsFeature:
    """The models page and what belongs to it."""

    key = MODELS

    def __init__(self, around: Surroundings, settings: SettingsFeature) -> None:
        self._around, self._settings = around, settings
        self._shell = around.window.shell
        self._presenter = ModelsPresenter(around.client)
        self._news = self._make_news()
        self._presenter.listen(self._news)
        self._shell.table.add(*models_actions(self._presenter, self._shown))
        self._shell.table.add_source(lambda: model_actions(self._presenter, self._shown))

    def show(self) -> None:
        """Show the page."""
        self._shell.show_page(MODELS)

    def page(self) -> QWidget:
        """The models page."""
        return ModelsPage(self._presenter, self._around.window.themes, folder=str(Path.home()))

    def event_arrived(self, event: Event) -> None:
        """Show it on the page; tell what is news of it."""
        self._presenter.event_arrived(event)
        self._news.event_arrived(event)

    def connection_changed(self, is_open: bool) -> None:
        """Read anew what may have changed."""
        self._presenter.connection_changed(is_open)

    async def close(self) -> None:
        """End every task."""
        await self._presenter.close()

    def _shown(self) -> ModelsPage:
        self.show()
        page = self._around.window.slots[MODELS].page
        if not isinstance(page, ModelsPage):
            raise TypeError("the models page is not in its place")
        return page

    def _make_news(self) -> ModelNews:
        ways = Ways(
            use_model=self._use_model,
            pull=lambda reference: self._shown().look_up(reference),
            open_settings=lambda: self._settings.show("providers"),
            show_model=lambda name: self._shown().show_model(name),
            show_downloads=lambda: self._shown().show_get(),
        )
        return ModelNews(
            lambda told, seen: self._shell.notify(told, seen=seen),
            self._shell.set_note,
            lambda: self._shell.current_page == MODELS,
            ways,
        )

    def _use_model(self, notice_id: str, name: str) -> None:
        self._settings.use_model(name, instead_of=lacking_model(notice_id))
