"""Settings: versions of the program and its parts, and their licences."""

from __future__ import annotations

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication, QShowEvent

from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import RowsCard, SettingRow
from ui.settings.section import Section
from ui.settings.state import Component, SettingsState
from ui.theme import ThemeSource
from ui.widgets import Label, SecondaryButton

UNKNOWN = "–"


class AboutSection(Section):
    """What the program is, and what it is made of."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "about", "About", "SutazAI Control Center: one window over a local AI system.", themes
        )
        self._presenter = presenter
        card = self.add_card()
        self.versions = {
            key: self._row(card, label, caption)
            for key, label, caption in (
                ("program", "SutazAI Control Center", "Apache-2.0"),
                ("python", "Python", "PSF-2.0"),
                ("qt", "Qt", "LGPL-3.0"),
                ("engine", "llama.cpp", "MIT, version of llama-cpp-python"),
            )
        }
        self.copy = SecondaryButton("Copy", themes, "copy", small=True)
        self.copy.setAccessibleName("Copy the versions")
        self.copy.clicked.connect(self._copy)
        card.add(SettingRow("Versions as text", "For a report of a problem.", self.copy, themes))
        self._heading = Label("Made with", themes, "strong")
        self.column.addSpacing(4)
        self.column.addWidget(self._heading)
        self._licences = self.add_card()
        self._listed: tuple[Component, ...] = ()
        self._licences.hide()
        self._heading.hide()
        self.column.addStretch(1)

    def _row(self, card: RowsCard, label: str, caption: str) -> Label:
        value = Label(UNKNOWN, self._themes, "log", "text2", selectable=True)
        value.setAccessibleName(f"{label}, version")
        card.add(SettingRow(label, caption, value, self._themes, words="version licence license"))
        return value

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Versions are looked up when somebody wants to see them."""
        super().showEvent(event)
        self._presenter.spawn(self._presenter.find_versions())

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        engine = state.engine.version if state.engine is not None else ""
        about = state.about
        built = next((part.version for part in about.components if part.name.startswith("llama.cpp")), "")
        for key, version in (
            ("program", about.version),
            ("python", about.python),
            ("qt", qVersion()),
            ("engine", engine or built),
        ):
            self.versions[key].setText(version or UNKNOWN)
        if about.components != self._listed:
            self._listed = about.components
            for part in about.components:
                words = " ".join((part.license, "licence license"))
                value = Label(part.version or UNKNOWN, self._themes, "log", "text2", selectable=True)
                self._licences.add(SettingRow(part.name, part.license, value, self._themes, words=words))
            self._licences.show()
            self._heading.show()
            self._fit_rows()

    def narrow(self, wanted: str) -> bool:
        """Show only what a search finds."""
        found = super().narrow(wanted)
        self._heading.setVisible(not self._licences.isHidden())
        return found

    def _copy(self) -> None:
        names = {"program": "SutazAI Control Center", "python": "Python", "qt": "Qt", "engine": "llama.cpp"}
        lines = [f"{names[key]} {label.text()}" for key, label in self.versions.items()]
        QGuiApplication.clipboard().setText("\n".join(lines))
