"""The pane with all that is known of one model, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from backend_embedded.contract.models import ModelSource
from ui.models import words
from ui.models.disclosure import Disclosure
from ui.models.remove_card import RemoveCard
from ui.widgets import (
    BusyRing,
    DangerButton,
    ElidedLabel,
    IconButton,
    Label,
    SecondaryButton,
    StateGlyph,
    Waiting,
)

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.library import ModelDetails
    from backend_embedded.contract.models import Model
    from ui.models.presenter import ModelsPresenter
    from ui.models.state import ModelsState
    from ui.theme import Theme, ThemeSource

FACTS = (
    "Name",
    "Provider",
    "Size",
    "Quantisation",
    "Parameters",
    "Context",
    "Memory needed",
    "Speed here",
    "Licence",
    "Source",
)
KEY_WIDTH = 112


class DetailsPanel(QWidget):
    """Shows the selected model of a state; emits `closed`."""

    closed = Signal()

    def __init__(
        self, presenter: ModelsPresenter, themes: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._presenter, self._themes = presenter, themes
        self._path = ""
        self._theme = themes.theme
        self.setAccessibleName("Details of the model")
        self.title = ElidedLabel("", themes, "pageTitle")
        self.close_button = IconButton("x", "Close details", themes, shortcut="Esc")
        self.close_button.clicked.connect(self.closed)
        self.glyph = StateGlyph("off", themes)
        self.ring = BusyRing("Busy", themes)
        self.state = Label("", themes)
        self.load = SecondaryButton("Load", themes, "play")
        self.default = SecondaryButton("Make default", themes, "check")
        self.pin = SecondaryButton("Pin in memory", themes, "pin")
        self.remove = DangerButton("Remove…", themes, "trash-2")
        self.problem = Label("", themes, tone="down", wrap=True, selectable=True)
        self.why_not = Label("", themes, "caption", "text3", wrap=True)
        self.confirm = RemoveCard(themes)
        self.values: dict[str, Label] = {}
        # not to be selected: what is shown has places to break in it; the button copies the path itself
        self.path = Label("", themes, "log", "text2", wrap=True)
        self.copy_path = IconButton("copy", "Copy the path", themes, box=24)
        self.copy_path.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._path))
        self.loading = Waiting(
            (0.5, 0.9, 0.7),
            themes,
            "Reading the details",
            "Waiting for the backend to read the model's file.",
        )
        self.loading.cancelled.connect(self.closed)
        self.template = Disclosure("Chat template", themes)
        self.metadata = Disclosure("Metadata of the file", themes)
        self.licence = Disclosure("Licence text", themes)
        self._lay_out()
        self._connect()
        themes.changed.connect(self._use)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(17, 0, 8, 0)
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        self._head = QWidget()
        self._head.setLayout(head)
        self._head.setFixedHeight(self._theme.scaled(self._theme.size("pageHeader")))
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(17, 0, 16, 16)
        column.setSpacing(8)
        column.addLayout(self._state_row())
        column.addWidget(self.problem)
        column.addLayout(_row(self.load, self.default))
        column.addLayout(_row(self.pin, self.remove))
        column.addWidget(self.why_not)
        column.addWidget(self.confirm)
        column.addSpacing(8)
        column.addLayout(self._facts())
        column.addWidget(self.loading)
        for part in (self.template, self.metadata, self.licence):
            column.addWidget(part)
        column.addStretch(1)
        self.scroller = QScrollArea()
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setWidgetResizable(True)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setWidget(inner)
        self.scroller.viewport().setAutoFillBackground(False)
        # the scroll area fills what it is given
        inner.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._head)
        whole.addWidget(self.scroller, 1)

    def _state_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.glyph)
        row.addWidget(self.ring)
        row.addWidget(self.state, 1)
        return row

    def _facts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, KEY_WIDTH - 12)
        grid.setColumnStretch(1, 1)
        for number, key in enumerate(FACTS):
            value = Label(
                "", self._themes, numbers=key not in ("Name", "Licence"), wrap=True, selectable=True
            )
            self.values[key] = value
            name = Label(key, self._themes, "caption", "text3")
            name.setBuddy(value)
            grid.addWidget(name, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, number, 1)
        last = len(FACTS)
        grid.addWidget(Label("File", self._themes, "caption", "text3"), last, 0, Qt.AlignmentFlag.AlignTop)
        place = QHBoxLayout()
        place.setSpacing(4)
        place.addWidget(self.path, 1)
        place.addWidget(self.copy_path, 0, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(place, last, 1)
        return grid

    def _connect(self) -> None:
        presenter = self._presenter

        def name() -> str:
            return presenter.state.selected

        self.load.clicked.connect(self.toggle_load)
        self.default.clicked.connect(lambda: presenter.spawn(presenter.make_default(name())))
        self.pin.clicked.connect(self.toggle_pin)
        self.remove.clicked.connect(lambda: presenter.ask_remove(name()))
        self.confirm.kept.connect(presenter.keep)
        self.confirm.confirmed.connect(lambda: presenter.spawn(presenter.remove(name())))

    def toggle_load(self) -> None:
        """Load the model, or unload it."""
        model = self._presenter.state.model
        if model is not None:
            call = self._presenter.unload if model.loaded else self._presenter.load
            self._presenter.spawn(call(model.name))

    def toggle_pin(self) -> None:
        """Pin the model, or let it go."""
        model = self._presenter.state.model
        if model is not None:
            self._presenter.spawn(self._presenter.pin(model.name, not model.pinned))

    def show_state(self, state: ModelsState) -> None:
        """Show the selected model."""
        model = state.model
        if model is None:
            return
        busy = state.busy.get(model.name, "")
        self.title.set_whole_text(model.title or model.name)
        glyph, word = words.state_of_model(model, busy)
        self.ring.setVisible(glyph == "busy")
        self.glyph.setVisible(glyph != "busy")
        self.glyph.set_state(glyph)
        self.state.setText(", ".join((word, *(mark.lower() for mark in words.marks_of(model)))))
        self.problem.setText(f"{model.problem or ''} Remove it, or fetch it again.")
        self.problem.setVisible(bool(model.problem))
        self._show_actions(state, model, busy)
        self._show_facts(model)
        self._show_details(state.details)
        self.loading.setVisible(state.details is None and state.failure is None)

    def _show_actions(self, state: ModelsState, model: Model, busy: str) -> None:
        details = state.details
        because = state.locked_because or (f"{busy} goes on." if busy else "")
        unusable = "It cannot be used." if model.problem else ""
        not_removable = why_not_removable(model, details)
        self.load.setText("Unload" if model.loaded else "Load")
        self.load.set_icon("square" if model.loaded else "play")
        self.pin.setText("Unpin" if model.pinned else "Pin in memory")
        self.default.setText("Is the default" if model.default else "Make default")
        for button, reason in (
            (self.load, unusable),
            (self.default, unusable or ("It is the default already." if model.default else "")),
            (self.pin, unusable),
            (self.remove, not_removable),
        ):
            button.setEnabled(not (because or reason))
            button.setToolTip(because or reason)
        self.why_not.setText(not_removable)
        self.why_not.setVisible(bool(not_removable))
        self.confirm.show_model(
            model.title or model.name,
            details.frees_bytes if details else model.size_bytes,
            model.source,
            wanted=state.removing == model.name,
        )

    def _show_facts(self, model: Model) -> None:
        context = f"{words.tokens(model.context_length)} tokens" if model.context_length else words.UNKNOWN
        facts = (
            words.breakable(model.name),
            model.provider,
            words.file_size(model.size_bytes),
            model.quantization or words.UNKNOWN,
            words.parameters(model.parameters),
            context,
            words.memory(model.memory_bytes),
            words.rate(model.tokens_per_s) if model.tokens_per_s else "Not measured yet",
            words.breakable(model.license) or "Unknown",
            words.SOURCES[model.source],
        )
        for key, fact in zip(FACTS, facts, strict=True):
            self.values[key].setText(fact)
            self.values[key].setAccessibleName(f"{key}: {fact}".replace(words.MAY_BREAK, ""))
        self._path = model.path
        self.path.setText(words.breakable(model.path) or words.UNKNOWN)
        self.path.setAccessibleName(f"File: {model.path}")
        self.copy_path.setVisible(bool(model.path))

    def _show_details(self, details: ModelDetails | None) -> None:
        self.template.show_text(details.template if details else "")
        pairs = details.metadata.items() if details else ()
        self.metadata.show_text("\n".join(f"{key}: {value}" for key, value in pairs))
        self.licence.show_text(details.license_text if details else "")

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Ground and the edge at the left."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.fillRect(0, 0, 1, self.height(), self._theme.color("border"))
        painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        self._head.setFixedHeight(theme.scaled(theme.size("pageHeader")))
        self.update()


def why_not_removable(model: Model, details: ModelDetails | None) -> str:
    """Why a model cannot be removed; empty when it can. One of an Ollama server is removed by the server."""
    if model.source is ModelSource.OLLAMA:
        return ""
    if details is not None and not details.removable:
        return details.why_not_removable or "It is not this program's to remove."
    return "It came with the program and stays." if model.source is ModelSource.STARTER else ""


def _row(*buttons: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for button in buttons:
        row.addWidget(button)
    row.addStretch(1)
    return row
