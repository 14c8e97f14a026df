"""The panel at the right: how this conversation is answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from backend_embedded.contract.context import ContextPolicy
from ui.chat.context.meter_state import POLICY_WORDS
from ui.chat.settings_panel.parameter_row import ParameterRow
from ui.chat.settings_panel.parameters import PARAMETERS, schema_from, with_value
from ui.widgets import Choice, IconButton, Label, PageHeader, SecondaryButton
from ui.widgets.inputs import set_invalid

if TYPE_CHECKING:
    from uuid import UUID

    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.generation import SamplingOptions
    from ui.chat.state import ChatState
    from ui.theme import Theme, ThemeSource

WIDTH = 272
TEXT_HEIGHT = 96


class SettingsPanel(QWidget):
    """Says what is wanted; shows what the state says."""

    closed = Signal()
    changed = Signal(dict)
    preset_chosen = Signal(object)
    save_wanted = Signal()
    rename_wanted = Signal(object)
    delete_wanted = Signal(object)
    export_wanted = Signal()
    import_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes, self._theme = themes, themes.theme
        self._options: SamplingOptions | None = None
        self._preset: UUID | None = None
        self.setAccessibleName("Settings of this chat")
        self.setFixedWidth(themes.theme.scaled(WIDTH))
        header = PageHeader("Settings of this chat", themes)
        close = IconButton("x", "Close the settings of this chat", themes, shortcut="Ctrl+.")
        close.clicked.connect(self.closed)
        header.add_action(close)
        body = QWidget()
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(16, 12, 12, 16)
        self._column.setSpacing(8)
        self._build_presets()
        self._build_texts()
        self.rows = {p.field: ParameterRow(p, themes) for p in PARAMETERS}
        self._head("Sampling")
        for row in self.rows.values():
            row.changed.connect(self._sampling_changed)
            self._column.addWidget(row)
        self._build_schema()
        self._column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(body)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addWidget(area, 1)
        themes.changed.connect(self._use)

    def show_state(self, state: ChatState) -> None:
        """Show the values of this conversation."""
        settings = state.settings
        self._options, self._preset = settings.options, settings.preset_id
        presets = [(None, "Default"), *((p.id, p.name) for p in state.presets)]
        self.preset.set_options(presets)
        self.preset.choose(settings.preset_id)
        models = [(None, "Default model"), *((m.name, m.title) for m in state.models if m.problem is None)]
        self.model.set_options(models)
        self.model.choose(settings.model)
        self.policy.choose(settings.context_policy)
        _show_text(self.system, settings.system)
        schema = settings.options.json_schema
        _show_text(self.schema, json.dumps(schema, indent=2, ensure_ascii=False) if schema else "")
        for parameter in PARAMETERS:
            row = self.rows[parameter.field]
            if not row.field.hasFocus():
                row.show_value(parameter.value_in(settings.options))

    def focus_first(self) -> None:
        """Put the keyboard into the panel."""
        self.preset.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def preset_menu(self) -> QMenu:
        """What can be done with presets."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen = self._preset
        menu.addAction("Save as preset…", self.save_wanted.emit)
        rename = menu.addAction("Rename preset…", lambda: self.rename_wanted.emit(chosen))
        delete = menu.addAction("Delete preset", lambda: self.delete_wanted.emit(chosen))
        for action in (rename, delete):
            action.setEnabled(chosen is not None)
        menu.addSeparator()
        menu.addAction("Export presets…", self.export_wanted.emit)
        menu.addAction("Import presets…", self.import_wanted.emit)
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and left edge."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.fillRect(0, 0, 1, self.height(), self._theme.color("border"))
        painter.end()

    def _build_presets(self) -> None:
        self.preset = Choice("Preset", ((None, "Default"),), self._themes)
        self.preset.activated.connect(lambda _: self.preset_chosen.emit(self.preset.currentData()))
        more = IconButton("ellipsis", "Manage presets", self._themes)
        more.clicked.connect(lambda: self.preset_menu().popup(more.mapToGlobal(more.rect().bottomLeft())))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.preset, 1)
        row.addWidget(more)
        self._head("Preset")
        self._column.addLayout(row)
        self.model = Choice("Model of this chat", ((None, "Default model"),), self._themes)
        self.model.activated.connect(lambda _: self.changed.emit({"model": self.model.currentData()}))
        self._head("Model")
        self._column.addWidget(self.model)

    def _build_texts(self) -> None:
        self.system = self._text("System prompt")
        self._head("System prompt")
        self._column.addWidget(self.system)
        self.system_button = self._apply("Use this system prompt", self._take_system)
        options = tuple((policy, words) for policy, words in POLICY_WORDS.items())
        self.policy = Choice("When the context is full", options, self._themes)
        self.policy.activated.connect(
            lambda _: self.changed.emit({"context_policy": ContextPolicy(self.policy.currentData())})
        )
        self._head("When the context is full")
        self._column.addWidget(self.policy)

    def _build_schema(self) -> None:
        self._head("Answer as JSON")
        said = "A JSON schema that the answer is held to; empty: free text."
        self._column.addWidget(Label(said, self._themes, "caption", "text3", wrap=True))
        self.schema = self._text("JSON schema of the answer", mono=True)
        self._column.addWidget(self.schema)
        self.schema_error = Label("", self._themes, "caption", "down", wrap=True)
        self.schema_error.hide()
        self._column.addWidget(self.schema_error)
        self.schema_button = self._apply("Use this schema", self.take_schema)

    def _head(self, title: str) -> None:
        if self._column.count():
            self._column.addSpacing(8)
        self._column.addWidget(Label(title, self._themes, "strong"))

    def _text(self, name: str, *, mono: bool = False) -> QPlainTextEdit:
        edit = QPlainTextEdit()
        edit.setAccessibleName(name)
        edit.setTabChangesFocus(True)
        edit.setProperty("edged", True)
        edit.setFixedHeight(TEXT_HEIGHT)
        edit.setFont(self._theme.font("log" if mono else "body"))
        return edit

    def _apply(self, words: str, run: object) -> SecondaryButton:
        button = SecondaryButton(words, self._themes, small=True)
        button.clicked.connect(run)
        row = QHBoxLayout()
        row.addWidget(button)
        row.addStretch(1)
        self._column.addLayout(row)
        return button

    def _take_system(self) -> None:
        self.system.setProperty("shown", self.system.toPlainText())
        self.changed.emit({"system": self.system.toPlainText()})

    def take_schema(self) -> None:
        """Use what is typed, when it is a JSON schema."""
        schema, problem = schema_from(self.schema.toPlainText())
        set_invalid(self.schema, bool(problem))
        self.schema_error.setText(problem)
        self.schema_error.setVisible(bool(problem))
        if not problem and self._options is not None:
            self.changed.emit({"options": self._options.model_copy(update={"json_schema": schema})})

    def _sampling_changed(self, field: str, value: float | None) -> None:
        if self._options is not None:
            self.changed.emit({"options": with_value(self._options, field, value)})

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedWidth(theme.scaled(WIDTH))
        self.system.setFont(theme.font("body"))
        self.schema.setFont(theme.font("log"))
        self.update()


def _show_text(edit: QPlainTextEdit, text: str) -> None:
    """Show a stored text, unless what is typed was not taken yet."""
    if edit.property("shown") != text:
        edit.setProperty("shown", text)
        edit.setPlainText(text)
