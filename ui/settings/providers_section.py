"""Settings: who answers first, where the Ollama server is, and how long it may take."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from backend_embedded.contract.ollama import OllamaState, OllamaStatus
from backend_embedded.contract.settings import ModelProvider
from ui.settings.field_rows import FieldSection
from ui.settings.fields import TypedField
from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import SettingRow
from ui.settings.state import SettingsState
from ui.theme import ThemeSource
from ui.widgets import Label, SecondaryButton, Segmented, StateGlyph

NUMBER_WIDTH = 120
PROVIDERS = (
    (ModelProvider.AUTO.value, "Automatic"),
    (ModelProvider.OLLAMA.value, "Ollama"),
    (ModelProvider.LLAMA_CPP.value, "llama.cpp"),
)
EFFECTS = {
    ModelProvider.AUTO: "Ollama when it answers, llama.cpp otherwise; also in the middle of an answer.",
    ModelProvider.OLLAMA: "Ollama only. When it is gone, nothing else answers.",
    ModelProvider.LLAMA_CPP: "llama.cpp only. No Ollama server is looked for.",
}


class ProvidersSection(FieldSection):
    """The providers of language models."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "providers",
            "Providers",
            "Who answers: an Ollama server, or llama.cpp in this program.",
            presenter,
            themes,
        )
        self.provider = Segmented("Provider", PROVIDERS, themes)
        self.glyph = StateGlyph("off", themes)
        self.server = Label("", themes, selectable=True)
        self.look = SecondaryButton("Look again", themes, "refresh-cw", small=True)
        self.look.clicked.connect(lambda: presenter.spawn(presenter.find_ollama()))
        self.url = TypedField("Address of the Ollama server", themes, mono=True)
        self.url.setPlaceholderText("Ports 10104 and 11434 of this machine")
        self.model = TypedField("Model with Ollama", themes, mono=True)
        self.model.setPlaceholderText("The default model's name")
        self.wait = TypedField("Longest wait for the first token, in seconds", themes)
        self.wait.setFixedWidth(NUMBER_WIDTH)
        self._add_rows()
        self.column.addStretch(1)

    def _add_rows(self) -> None:
        self.add_field(
            self.add_card(),
            "provider",
            "Provider",
            EFFECTS[ModelProvider.AUTO],
            self.provider,
            words="failover",
        )
        card = self.add_card()
        told = QWidget()
        line = QHBoxLayout(told)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        for widget in (self.glyph, self.server, self.look):
            line.addWidget(widget)
        line.insertSpacing(2, 6)
        self.state_row = card.add(SettingRow("Ollama server", "", told, self._themes, words="state version"))
        self.add_field(
            card,
            "ollama_url",
            "Address",
            "Of another server, or another port. Empty: looked for on this machine.",
            self.url,
            words="ollama url host port",
            wide=True,
        )
        self.add_field(
            card,
            "ollama_model",
            "Model with Ollama",
            "One of its models. Empty: the default model's name, else its first one.",
            self.model,
            words="ollama name",
            wide=True,
        )
        self.add_field(
            card,
            "first_token_s",
            "Wait for the first token",
            "Seconds until the next provider is asked. Once an answer has begun it may take any time.",
            self.wait,
            words="timeout time-out seconds",
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """The server is asked for when somebody wants to see it."""
        super().showEvent(event)
        self._presenter.spawn(self._presenter.find_ollama())

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        provider = ModelProvider(state.shown("provider") or ModelProvider.AUTO)
        self.fields["provider"].set_caption(EFFECTS[provider])
        glyph, words, caption = of_server(state.ollama)
        self.glyph.set_state(glyph)
        self.server.setText(words)
        self.server.setAccessibleName(f"Ollama server: {words}")
        self.state_row.set_caption(caption)
        self.look.setEnabled(state.connected)
        unused = "" if provider is not ModelProvider.LLAMA_CPP else "No Ollama server is used."
        for name in ("ollama_url", "ollama_model", "first_token_s"):
            self.fields[name].lock(state.locked_because or unused)


def of_server(status: OllamaStatus | None) -> tuple[str, str, str]:
    """Glyph, word and caption of the server's state."""
    if status is None:
        return "off", "Not looked for yet", "Nothing is known of it."
    match status.state:
        case OllamaState.READY:
            version = f"Ready, version {status.version}" if status.version else "Ready"
            models = f"{status.models:,} model{'' if status.models == 1 else 's'}"
            running = ", ".join(one.name for one in status.running)
            loaded = f", in memory: {running}" if running else ", none in memory"
            return "ok", version, f"{status.url}, {models}{loaded}."
        case OllamaState.LOOKING:
            return "off", "Looking for it", status.url
        case OllamaState.ABSENT:
            return "off", "None answers", status.reason or f"Looked for at {status.url}."
        case OllamaState.OFF:
            return "off", "Not used", "The provider above says that none is looked for."
