"""Settings: theme, size of text, motion."""

from __future__ import annotations

from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import SettingRow
from ui.settings.section import Section
from ui.settings.state import TEXT_PERCENTS, THEMES, Appearance, SettingsState, nearest_text_percent
from ui.theme import ThemeSource
from ui.widgets import Segmented, Switch


class AppearanceSection(Section):
    """How the window looks; every change shows at once."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__("appearance", "Appearance", "How the window looks. Changes show at once.", themes)
        self.theme = Segmented("Theme", THEMES, themes)
        sizes = [(percent, f"{percent}\N{NO-BREAK SPACE}%") for percent in TEXT_PERCENTS]
        self.text_size = Segmented("Text size", sizes, themes)
        self.motion = Switch("Reduced motion", themes)
        card = self.add_card()
        card.add(
            SettingRow(
                "Theme",
                "System follows the desktop when it says what it has, else it is light.",
                self.theme,
                themes,
                words="colour color dark light mode",
            )
        )
        card.add(
            SettingRow(
                "Text size",
                "Everything that holds text grows with it.",
                self.text_size,
                themes,
                words="font zoom larger smaller scale",
            )
        )
        card.add(
            SettingRow(
                "Reduced motion",
                "Nothing slides, fades or turns.",
                self.motion,
                themes,
                words="animation accessibility",
            )
        )
        self.column.addStretch(1)
        self.theme.chosen.connect(lambda theme: presenter.set_theme(str(theme)))
        self.text_size.chosen.connect(presenter.set_text_percent)
        self.motion.toggled.connect(presenter.set_reduced_motion)

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        look: Appearance = state.appearance
        self.theme.choose(look.theme)
        self.text_size.choose(nearest_text_percent(look.text_percent))
        self.motion.setChecked(look.reduced_motion)
