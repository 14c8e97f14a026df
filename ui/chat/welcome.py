"""The first-run welcome: what is ready on this machine, the first question, three examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from backend_embedded.contract.models import EngineState
from ui.chat import failures, words
from ui.theme.icons import pixmap
from ui.widgets import Label, SecondaryButton
from ui.widgets.cards import Card

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from backend_embedded.contract.models import Engine
    from ui.chat.state import ChatState
    from ui.theme import Theme, ThemeSource

WIDTH = 620
ROW_HEIGHT = 59
EXAMPLES = (
    ("What is a container?", "What is a container?"),
    ("Explain this log line", "Explain this log line: OSError: [Errno 98] Address already in use"),
    ("Plan a small task", "Plan a small task: sort 200 photos by year, in five steps"),
)
ICONS = {"ok": "circle-check", "wait": "circle-dashed", "down": "circle-x", "off": "circle"}
TONES = {"ok": "ok", "wait": "text3", "down": "down", "off": "text3"}


@dataclass(frozen=True)
class Fact:
    """One row of the check card."""

    state: str
    """`ok`, `wait`, `down` or `off`."""
    title: str
    line: str
    action: str = ""


def model_fact(state: ChatState) -> Fact:
    """Whether a model is there."""
    model = state.model
    if model is None:
        if not state.connected:
            return Fact("wait", "Looking for models", "The backend is starting.")
        return Fact("down", "No model was found", "Put a GGUF file into the models folder.")
    parts = (model.title, words.file_size(model.size_bytes), model.license)
    line = ", ".join(part for part in parts if part) + (". Loaded." if model.loaded else ".")
    return Fact("ok", "A model is on board", line, "Choose another" if len(state.models) > 1 else "")


def place_fact() -> Fact:
    """Where everything is kept."""
    line = "No network, no account. Your data stays in your home folder."
    return Fact("ok", "Everything runs on this machine", line, "Show folder")


def engine_fact(engine: Engine | None) -> Fact:
    """Whether the local engine is there, or how far its build is."""
    if engine is None:
        return Fact("wait", "Looking for the local engine", "The backend is starting.")
    match engine.state:
        case EngineState.READY:
            version = f"llama.cpp {engine.version}".strip()
            return Fact("ok", "The local engine is ready", f"{version}, built for this machine.")
        case EngineState.BUILDING:
            return Fact("wait", "The local engine is being built", build_progress(engine), "Cancel")
        case EngineState.MISSING:
            return Fact("off", "There is no local engine yet", failures.BUILT_ONCE, "Build now")
        case EngineState.FAILED:
            return Fact("down", failures.of_build(engine).title, engine.message, "Build again")


def build_progress(engine: Engine) -> str:
    """`Compiling, 41 of 186 steps, 1 min 12 s`."""
    phase = (engine.phase or "preparing").capitalize()
    steps = f"{engine.step} of {words.counted(engine.steps, 'step')}" if engine.steps else ""
    elapsed = words.duration(engine.elapsed_s) if engine.elapsed_s >= 1 else ""
    return ", ".join(part for part in (phase, steps, elapsed) if part)


class FactRow(QWidget):
    """A fact with its mark and one action."""

    pressed = Signal(str)

    def __init__(self, themes: ThemeSource, *, ruled: bool) -> None:
        super().__init__()
        self._theme = themes.theme
        self._ruled = ruled
        self._fact: Fact | None = None
        self._mark = QLabel()
        self._mark.setFixedWidth(18)
        self._title = Label("", themes, "strong")
        self._line = Label("", themes, tone="text2", wrap=True, selectable=True)
        self._button = SecondaryButton("", themes)
        self._button.clicked.connect(lambda: self.pressed.emit(self._button.text()))
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addStretch(1)
        texts.addWidget(self._title)
        texts.addWidget(self._line)
        texts.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(14)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(texts, 1)
        row.addWidget(self._button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setMinimumHeight(ROW_HEIGHT)
        themes.changed.connect(self._use)

    def show_fact(self, fact: Fact) -> None:
        """Show this."""
        if fact == self._fact:
            return
        self._fact = fact
        self._title.setText(fact.title)
        self._line.setText(fact.line)
        self._button.setText(fact.action)
        self._button.setVisible(bool(fact.action))
        self.setAccessibleName(f"{fact.title}. {fact.line}")
        self._use(self._theme)

    @property
    def fact(self) -> Fact | None:
        """What is shown."""
        return self._fact

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The rule over the row."""
        if self._ruled:
            painter = QPainter(self)
            painter.fillRect(0, 0, self.width(), 1, self._theme.color("border"))
            painter.end()

    def _use(self, theme: Theme) -> None:
        self._theme = theme
        if self._fact is not None:
            name, tone = ICONS[self._fact.state], TONES[self._fact.state]
            self._mark.setPixmap(pixmap(name, tone, 18, theme))
        self.update()


class Welcome(QWidget):
    """The page's content until the first answer; the page puts its composer into `composer_place`."""

    example_chosen = Signal(str)
    models_wanted = Signal()
    folder_wanted = Signal()
    build_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, themes: ThemeSource, folder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Label("SutazAI is ready on this machine", themes, "welcomeTitle")
        self._line = Label("Ask now, set up the rest later.", themes, tone="text2")
        card = Card(themes)
        rows = QVBoxLayout(card)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        self.model_row, self.place_row, self.engine_row = (
            FactRow(themes, ruled=number > 0) for number in range(3)
        )
        self.place_row.setToolTip(folder)
        for row in (self.model_row, self.place_row, self.engine_row):
            rows.addWidget(row)
            row.pressed.connect(self._pressed)
        examples = QHBoxLayout()
        examples.setSpacing(8)
        for title, prompt in EXAMPLES:
            button = SecondaryButton(title, themes)
            button.clicked.connect(lambda _=False, prompt=prompt: self.example_chosen.emit(prompt))
            examples.addWidget(button)
        examples.addStretch(1)
        self.composer_place = QVBoxLayout()
        column_widget = QWidget()
        column_widget.setFixedWidth(themes.theme.scaled(WIDTH))
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._title)
        column.addSpacing(4)
        column.addWidget(self._line)
        column.addSpacing(16)
        column.addWidget(card)
        column.addSpacing(24)
        column.addLayout(self.composer_place)
        column.addSpacing(12)
        column.addLayout(examples)
        self._scroll(column_widget)
        themes.changed.connect(lambda theme: column_widget.setFixedWidth(theme.scaled(WIDTH)))

    def _scroll(self, column_widget: QWidget) -> None:
        """Put the column into the middle; it can be scrolled where it is higher than the page."""
        holder = QWidget()
        # no alignment in place of the stretches: lines would be counted at the width of the page
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(column_widget)
        middle.addStretch(1)
        column = QVBoxLayout(holder)
        column.addStretch(2)
        column.addLayout(middle)
        column.addStretch(3)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(holder)
        area.viewport().setAutoFillBackground(False)
        holder.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def show_state(self, state: ChatState) -> None:
        """Show what is ready."""
        self.model_row.show_fact(model_fact(state))
        self.place_row.show_fact(place_fact())
        self.engine_row.show_fact(engine_fact(state.engine))
        ready = state.connected and state.engine_ready and state.model is not None
        self._title.setText("SutazAI is ready on this machine" if ready else "Welcome to SutazAI")
        self._line.setText(
            "Ask now, set up the rest later."
            if ready
            else "You can write your question while the rest gets ready."
        )

    def _pressed(self, action: str) -> None:
        match action:
            case "Choose another":
                self.models_wanted.emit()
            case "Show folder":
                self.folder_wanted.emit()
            case "Build now" | "Build again":
                self.build_wanted.emit()
            case "Cancel":
                self.cancel_wanted.emit()
