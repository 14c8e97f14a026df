"""Settings: where models are, which one answers, and how it is run."""

from __future__ import annotations

from ui.settings.field_rows import FieldSection
from ui.settings.fields import FolderField, TypedField
from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import RowsCard
from ui.settings.state import SettingsState, keep_alive_options, model_options
from ui.theme import ThemeSource
from ui.widgets import Choice, Switch

NUMBER_WIDTH = 120
TIME_WIDTH = 160


class ModelsSection(FieldSection):
    """The library's folders, the default model, and what a model may use of this machine."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "models",
            "Models",
            "Which model answers, and how much of this machine it may use.",
            presenter,
            themes,
        )
        self.folder = FolderField("Models folder", themes)
        self.model = Choice("Default model", [("", "Automatic")], themes)
        self.store = FolderField("Ollama store", themes)
        self.store.edit.setPlaceholderText("Looked for in the usual places")
        self.proxy = TypedField("Proxy of downloads", themes, mono=True)
        self.proxy.setPlaceholderText("As the environment says")
        self.threads = TypedField("Threads", themes)
        self.context = TypedField("Context size", themes)
        self.keep_alive = Choice("Keep-alive", [], themes)
        self.read_ahead = Switch("Read while typing", themes)
        self.titles = Switch("Propose titles", themes)
        self.threads.setPlaceholderText("Automatic")
        self._add_library_rows(self.add_card())
        self._add_running_rows(self.add_card())
        self.column.addStretch(1)

    def _add_library_rows(self, card: RowsCard) -> None:
        self.add_field(
            card,
            "models_folder",
            "Models folder",
            "Every GGUF file in it is offered. Empty: the folder of this instance.",
            self.folder,
            words="path gguf directory files",
            wide=True,
        )
        self.add_field(
            card,
            "default_model",
            "Default model",
            "Answers when a chat names no other. Automatic: TinyLlama if it is there, else the starter model.",
            self.model,
            wide=True,
        )
        self.add_field(
            card,
            "ollama_store",
            "Ollama store",
            "Models of Ollama on this machine are used in place, without a second copy.",
            self.store,
            words="path folder blobs directory",
            wide=True,
        )
        self.add_field(
            card,
            "proxy",
            "Proxy of downloads",
            "An address such as http://proxy:3128. Only downloads of models go through it.",
            self.proxy,
            words="network http pull registry",
            wide=True,
        )

    def _add_running_rows(self, card: RowsCard) -> None:
        self.threads.setFixedWidth(NUMBER_WIDTH)
        self.context.setFixedWidth(NUMBER_WIDTH)
        self.keep_alive.setFixedWidth(TIME_WIDTH)
        self.add_field(
            card,
            "threads",
            "Threads",
            "Threads that write the answer. Empty: one for each physical core.",
            self.threads,
            words="cpu cores speed",
        )
        self.add_field(
            card,
            "context_size",
            "Context size",
            "Tokens that one conversation may hold, at most what the model was trained for. "
            "More needs more memory.",
            self.context,
            words="tokens memory length",
        )
        self.add_field(
            card,
            "keep_alive_s",
            "Keep-alive",
            "How long after its last use a model stays in memory. It is loaded again by itself.",
            self.keep_alive,
            words="unload memory minutes",
        )
        self.add_field(
            card,
            "read_ahead",
            "Read while typing",
            "The local model reads a question while it is typed, so that the answer begins sooner. "
            "It works more for that.",
            self.read_ahead,
            words="first token latency draft battery processor",
        )
        self.add_field(
            card,
            "propose_titles",
            "Propose titles",
            "After the first answer the model names the chat, when it has nothing else to do.",
            self.titles,
            words="chat name rename",
        )

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        self.folder.edit.setPlaceholderText(state.home.get("models", ""))
        self.model.set_options(model_options(state))
        self.keep_alive.set_options(keep_alive_options(state))
        super().show_state(state)
