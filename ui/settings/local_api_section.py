"""Settings: the door for other programs, its address and key, and lines to copy into them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from backend_embedded.contract.settings import LocalApi
from ui.settings.field_rows import FieldSection
from ui.settings.presenter import SettingsPresenter
from ui.settings.rows import SettingRow
from ui.settings.snippets import Snippet, snippets
from ui.settings.state import SettingsState
from ui.theme import ThemeSource
from ui.widgets import Card, ElidedLabel, Label, QuestionCard, SecondaryButton, Segmented

MODES = ((LocalApi.OFF.value, "Off"), (LocalApi.KEY.value, "With key"), (LocalApi.OPEN.value, "Open"))
EFFECTS = {
    LocalApi.OFF: "No other program is answered.",
    LocalApi.KEY: "Programs that send the key are answered.",
    LocalApi.OPEN: "Every program of this machine is answered, without a key. Web pages are refused all the same.",
}
NEW_KEY = ("Make a new key?", "Programs that have the old key are refused from then on.")
HIDDEN = "•" * 16
NO_MODEL = "tinyllama"


class LocalApiSection(FieldSection):
    """The Ollama API and the OpenAI API of this program."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "local_api",
            "Local API",
            "Programs that speak Ollama's or OpenAI's API can use the models of this one.",
            presenter,
            themes,
        )
        self.mode = Segmented("Local API", MODES, themes)
        self.address = Label("–", themes, "log", "text2", selectable=True)
        self.key_words = Label("–", themes, "log", "text2", selectable=True)
        self.copy_address = _small("Copy", "Copy the address", themes)
        self.show_key = _small("Show", "Show the key", themes)
        self.copy_key = _small("Copy", "Copy the key", themes)
        self.new_key = _small("Make new key…", "Make a new key", themes)
        self.confirm = QuestionCard(themes, "Make new key", "Keep the old one")
        self.refused = Label("", themes, "caption", "down", wrap=True)
        self.heading = Label("Lines to copy", themes, "strong")
        self.lines: list[SnippetCard] = []
        self._key_shown = False
        self._state: SettingsState | None = None
        self._add_rows()
        self._connect()

    def _add_rows(self) -> None:
        card = self.add_card()
        self.add_field(
            card, "local_api", "Access", EFFECTS[LocalApi.KEY], self.mode, words="key open off doors"
        )
        self.address_row = card.add(
            SettingRow(
                "Address",
                "Both APIs are there: /api/… as with Ollama, /v1/… as with OpenAI.",
                _line(self.address, self.copy_address),
                self._themes,
                words="url port host",
            )
        )
        self.key_row = card.add(
            SettingRow(
                "Key",
                "Goes as Authorization: Bearer with every request.",
                _line(self.key_words, self.show_key, self.copy_key, self.new_key),
                self._themes,
                words="token bearer authorization password",
            )
        )
        self.column.addWidget(self.confirm)
        self.column.addWidget(self.refused)
        self.column.addWidget(self.heading)
        self._snippets = QVBoxLayout()
        self._snippets.setSpacing(12)
        self.column.addLayout(self._snippets)
        self.column.addStretch(1)

    def _connect(self) -> None:
        self.copy_address.clicked.connect(lambda: _copy(self._fact("url")))
        self.copy_key.clicked.connect(lambda: _copy(self._fact("key")))
        self.show_key.clicked.connect(self._toggle_key)
        self.new_key.clicked.connect(lambda: self.confirm.ask(*NEW_KEY))
        self.confirm.kept.connect(self.confirm.hide)
        self.confirm.confirmed.connect(self._make_key)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Address and key are read when somebody wants to see them."""
        super().showEvent(event)
        self._presenter.spawn(self._presenter.read_local_api())

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        self._state = state
        api, wanted = state.local_api, LocalApi(state.shown("local_api") or LocalApi.KEY)
        mode = LocalApi(api.mode) if api is not None else wanted
        overruled = f"This run was started with --local-api {mode}. " if mode is not wanted else ""
        self.fields["local_api"].set_caption(overruled + EFFECTS[mode])
        url, key = self._fact("url"), self._fact("key")
        self.address.setText(url or "–")
        self.key_words.setText((key if self._key_shown else HIDDEN) if key else "–")
        self.show_key.setText("Hide" if self._key_shown else "Show")
        self.address_row.setVisible(mode is not LocalApi.OFF)
        self.key_row.setVisible(mode is LocalApi.KEY)
        if mode is not LocalApi.KEY:
            self.confirm.hide()
        self.copy_address.setEnabled(bool(url))
        for button in (self.show_key, self.copy_key):
            button.setEnabled(bool(key))
        self.new_key.setEnabled(state.connected)
        self.refused.setText(state.local_api_error)
        self.refused.setVisible(bool(state.local_api_error))
        self._show_lines(snippets(api, self._model(), key if self._key_shown else HIDDEN) if api else ())

    def narrow(self, wanted: str) -> bool:
        """Show only what a search finds; the lines go with the section's own words."""
        found = super().narrow(wanted)
        words = "curl ollama openai python client editor plug-in continue lines copy"
        return found or all(word in words for word in wanted.casefold().split())

    def _show_lines(self, wanted: tuple[Snippet, ...]) -> None:
        self.heading.setVisible(bool(wanted))
        while len(self.lines) < len(wanted):
            card = SnippetCard(self._themes, self._copy_lines)
            self.lines.append(card)
            self._snippets.addWidget(card)
        for place, card in enumerate(self.lines):
            card.setVisible(place < len(wanted))
            if place < len(wanted):
                card.show_snippet(wanted[place])

    def _copy_lines(self, title: str) -> None:
        """What is copied has the key in it, also while it is hidden."""
        api = self._state.local_api if self._state else None
        for snippet in snippets(api, self._model(), api.key) if api else ():
            if snippet.title == title:
                _copy(snippet.text)

    def _fact(self, name: str) -> str:
        api = self._state.local_api if self._state else None
        return str(getattr(api, name)) if api is not None else ""

    def _model(self) -> str:
        models = self._state.models if self._state else ()
        usable = [model for model in models if model.problem is None and not model.embeds]
        return next((m.name for m in usable if m.default), usable[0].name if usable else NO_MODEL)

    def _toggle_key(self) -> None:
        self._key_shown = not self._key_shown
        self.show_key.setAccessibleName("Hide the key" if self._key_shown else "Show the key")
        if self._state is not None:
            self.show_state(self._state)

    def _make_key(self) -> None:
        self.confirm.hide()
        self._presenter.spawn(self._presenter.make_new_key())


class SnippetCard(Card):
    """Lines in code style, and a button that copies them."""

    def __init__(self, themes: ThemeSource, copy: Callable[[str], object]) -> None:
        super().__init__(themes)
        self.title = Label("", themes, "strong")
        self.caption = ElidedLabel("", themes, "caption", "text3")
        self.text = Label("", themes, "log", wrap=True, selectable=True)
        self.copy = _small("Copy", "", themes, "copy")
        self.copy.clicked.connect(lambda: copy(self.title.text()))
        block = Card(themes, "sunken", "border", 6)
        inner = QVBoxLayout(block)
        inner.setContentsMargins(12, 8, 12, 8)
        inner.addWidget(self.text)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self.caption, 1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(block)

    def show_snippet(self, snippet: Snippet) -> None:
        """Show these lines."""
        self.title.setText(snippet.title)
        self.caption.set_whole_text(snippet.caption)
        self.text.setText(snippet.text)
        self.text.setAccessibleName(f"Lines for {snippet.title}")
        self.copy.setAccessibleName(f"Copy the lines for {snippet.title}")


def _small(words: str, name: str, themes: ThemeSource, icon: str = "") -> SecondaryButton:
    button = SecondaryButton(words, themes, icon, small=True)
    button.setAccessibleName(name or words)
    return button


def _line(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    return holder


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
