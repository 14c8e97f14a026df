"""Settings: where models are, which one answers, and how it is run."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ui.settings.fields import FolderField, TypedField
from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import RowsCard, SettingRow
from ui.settings.section import Section
from ui.settings.state import FieldName, SettingsState, keep_alive_options, model_options
from ui.theme import ThemeSource
from ui.widgets import Choice

NUMBER_WIDTH = 120
TIME_WIDTH = 160


class ModelsSection(Section):
    """The backend's settings; each is taken at once, and a refused one says why under its field."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "models",
            "Models",
            "Which model answers, and how much of this machine it may use.",
            themes,
            needs_backend=True,
        )
        self._presenter = presenter
        self.folder = FolderField("Models folder", themes)
        self.model = Choice("Default model", [("", "Automatic")], themes)
        self.threads = TypedField("Threads", themes)
        self.context = TypedField("Context size", themes)
        self.keep_alive = Choice("Keep-alive", [], themes)
        self.threads.setPlaceholderText("Automatic")
        self.fields: dict[FieldName, SettingRow] = {}
        self._add_library_rows(self.add_card(), themes)
        self._add_running_rows(self.add_card(), themes)
        self.column.addStretch(1)
        self._connect()

    def _add_library_rows(self, card: RowsCard, themes: ThemeSource) -> None:
        self.fields["models_folder"] = card.add(
            SettingRow(
                "Models folder",
                "Every GGUF file in it is offered. Empty: the folder of this instance.",
                self.folder,
                themes,
                words="path gguf directory files",
                wide=True,
            )
        )
        self.fields["default_model"] = card.add(
            SettingRow(
                "Default model",
                "Answers when a chat names no other. Automatic: TinyLlama if it is there, else the starter model.",
                self.model,
                themes,
                wide=True,
            )
        )

    def _add_running_rows(self, card: RowsCard, themes: ThemeSource) -> None:
        self.threads.setFixedWidth(NUMBER_WIDTH)
        self.context.setFixedWidth(NUMBER_WIDTH)
        self.keep_alive.setFixedWidth(TIME_WIDTH)
        self.fields["threads"] = card.add(
            SettingRow(
                "Threads",
                "Threads that write the answer. Empty: one for each physical core.",
                self.threads,
                themes,
                words="cpu cores speed",
            )
        )
        self.fields["context_size"] = card.add(
            SettingRow(
                "Context size",
                "Tokens that one conversation may hold, at most what the model was trained for. "
                "More needs more memory.",
                self.context,
                themes,
                words="tokens memory length",
            )
        )
        self.fields["keep_alive_s"] = card.add(
            SettingRow(
                "Keep-alive",
                "How long after its last use a model stays in memory. It is loaded again by itself.",
                self.keep_alive,
                themes,
                words="unload memory minutes",
            )
        )

    def _connect(self) -> None:
        for name, edit in self._edits().items():
            edit.taken.connect(lambda text, name=name: self._take(name, text))
            edit.left.connect(lambda name=name: self._presenter.revert(name))
        self.model.currentIndexChanged.connect(
            lambda _: self._take("default_model", str(self.model.currentData()))
        )
        self.keep_alive.currentIndexChanged.connect(
            lambda _: self._take("keep_alive_s", str(self.keep_alive.currentData()))
        )

    def _edits(self) -> dict[FieldName, TypedField]:
        return {"models_folder": self.folder.edit, "threads": self.threads, "context_size": self.context}

    def _take(self, name: FieldName, text: str) -> None:
        self._presenter.spawn(self._presenter.change(name, text))

    def _marked(self, name: FieldName) -> QWidget:
        """What gets the red edge."""
        return self.folder.edit if name == "models_folder" else self.fields[name].control

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        self.folder.edit.setPlaceholderText(state.home.get("models", ""))
        for name, edit in self._edits().items():
            edit.show_text(state.shown(name))
        self.model.set_options(model_options(state))
        self.model.choose(state.shown("default_model"))
        self.keep_alive.set_options(keep_alive_options(state))
        self.keep_alive.choose(state.shown("keep_alive_s"))
        for name, row in self.fields.items():
            row.set_error(state.errors.get(name, ""), self._marked(name))
            row.lock(state.locked_because)
