"""The settings page: navigation at the left, one section at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from ui.settings.about_section import AboutSection
from ui.settings.appearance_section import AppearanceSection
from ui.settings.engine_section import EngineSection
from ui.settings.field_rows import FieldSection
from ui.settings.local_api_section import LocalApiSection
from ui.settings.models_section import ModelsSection
from ui.settings.navigation import Navigation
from ui.settings.paths_section import PathsSection
from ui.settings.providers_section import ProvidersSection
from ui.settings.services_section import ServicesSection
from ui.widgets import EmptyState

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.settings.presenter import SettingsPresenter
    from ui.settings.section import Section
    from ui.settings.state import SettingsState
    from ui.theme import ThemeSource


def do_nothing(*_: object) -> None:
    """What happens when nobody is interested."""


class SettingsPage(QWidget):
    """Shows the presenter's state.

    Args:
        presenter: carries out the changes.
        themes: where the theme comes from.
        open_folder: opens a folder outside.
    """

    def __init__(
        self,
        presenter: SettingsPresenter,
        themes: ThemeSource,
        *,
        open_folder: Callable[[str], object] = do_nothing,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.setAccessibleName("Settings")
        self.appearance = AppearanceSection(presenter, themes)
        self.models = ModelsSection(presenter, themes)
        self.providers = ProvidersSection(presenter, themes)
        self.services = ServicesSection(presenter, themes)
        self.local_api = LocalApiSection(presenter, themes)
        self.engine = EngineSection(presenter, themes)
        self.paths = PathsSection(themes, open_folder)
        self.about = AboutSection(presenter, themes)
        self.sections: dict[str, Section] = {
            section.key: section
            for section in (
                self.appearance,
                self.models,
                self.providers,
                self.services,
                self.local_api,
                self.engine,
                self.paths,
                self.about,
            )
        }
        self.navigation = Navigation([(s.key, s.title) for s in self.sections.values()], themes)
        self.nothing = EmptyState(
            "search",
            "No setting matches the search",
            "Try a shorter word.",
            themes,
            ("Clear search", self.navigation.search.clear),
        )
        self.stack = QStackedWidget()
        self._lay_out()
        self.navigation.chosen.connect(self.show_section)
        self.navigation.searched.connect(self._search)
        presenter.listen(self)
        self.state_changed(presenter.state)
        self.show_section("appearance")

    def _lay_out(self) -> None:
        for section in self.sections.values():
            self.stack.addWidget(section)
        self.stack.addWidget(self.nothing)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.navigation)
        row.addWidget(self.stack, 1)
        self.setFocusProxy(self.navigation.search)

    def state_changed(self, state: SettingsState) -> None:
        """Show this state."""
        for section in self.sections.values():
            section.show_state(state)

    def show_section(self, key: str) -> None:
        """Show a section."""
        self.navigation.choose(key)
        self.stack.setCurrentWidget(self.sections[key])

    def show_setting(self, name: str) -> None:
        """Show a setting with the keyboard in its control.

        Args:
            name: a field of the backend's settings, or the key of a section.
        """
        self.navigation.search.clear()
        for section in self.sections.values():
            if isinstance(section, FieldSection) and any(field == name for field in section.fields):
                self.show_section(section.key)
                section.focus_field(name)
                return
        self.show_section(name)
        self.navigation.items[name].setFocus(Qt.FocusReason.ShortcutFocusReason)

    @property
    def current_section(self) -> str:
        """Key of the section that is shown; empty when the search finds nothing."""
        shown = self.stack.currentWidget()
        return next((key for key, section in self.sections.items() if section is shown), "")

    def _search(self, text: str) -> None:
        found = [key for key, section in self.sections.items() if section.narrow(text)]
        self.navigation.offer(found)
        if not found:
            self.stack.setCurrentWidget(self.nothing)
        elif self.current_section not in found:
            self.show_section(found[0])
