"""Settings: the local engine, its build, and why a build failed."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from backend_embedded.contract.models import EngineState
from ui.settings.presenter import SettingsPresenter
from ui.settings.section import Section
from ui.settings.state import SettingsState
from ui.settings.words import KEPT, EngineWords, build_share, of_engine
from ui.theme import Theme, ThemeSource
from ui.widgets import Card, ErrorCard, JobCard, Label, PrimaryButton, SecondaryButton, StateGlyph

LOG_LINES = 12


class StateCard(Card):
    """The engine's state in one row, with Build now when it is not there."""

    def __init__(self, themes: ThemeSource) -> None:
        super().__init__(themes)
        self._glyph = StateGlyph("off", themes)
        self._title = Label("", themes, "strong")
        self._line = Label("", themes, "caption", "text3", wrap=True, selectable=True)
        self.build = PrimaryButton("Build now", themes)
        words = QVBoxLayout()
        words.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._glyph)
        head.addWidget(self._title, 1)
        words.addLayout(head)
        words.addWidget(self._line)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(24)
        row.addLayout(words, 1)
        row.addWidget(self.build)

    def show_words(self, words: EngineWords) -> None:
        """Show a state."""
        self._glyph.set_state(words.glyph)
        self._title.setText(words.title)
        self._line.setText(words.line)
        self.setAccessibleName(f"Local engine: {words.title}")
        self.setAccessibleDescription(words.line)


class LogCard(Card):
    """The last lines of a build."""

    def __init__(self, themes: ThemeSource) -> None:
        super().__init__(themes, "sunken")
        self._text = QPlainTextEdit()
        self._text.setProperty("bare", True)
        self._text.setReadOnly(True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setAccessibleName("Last lines of the build")
        self._text.setTabChangesFocus(True)
        self._text.document().setDocumentMargin(0)
        self.copy = SecondaryButton("Copy", themes, "copy", small=True)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text.toPlainText()))
        head = QHBoxLayout()
        head.addWidget(Label("Last lines of the build", themes, "label", "text3"), 1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 8, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._text)
        self._use(themes.theme)

    def show_lines(self, lines: tuple[str, ...]) -> None:
        """Show these; the newest is in view. No lines hide the card."""
        self.setVisible(bool(lines))
        text = "\n".join(lines)
        if text != self._text.toPlainText():
            self._text.setPlainText(text)
            bar = self._text.verticalScrollBar()
            bar.setValue(bar.maximum())

    def text(self) -> str:
        """The lines."""
        return self._text.toPlainText()

    def _use(self, theme: Theme) -> None:
        super()._use(theme)
        if hasattr(self, "_text"):
            self._text.setFont(theme.font("log"))
            self._text.setFixedHeight(theme.line_px("log") * LOG_LINES + 12)


class EngineSection(Section):
    """State, progress, and the way out of a failed build."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "engine",
            "Local engine",
            "llama.cpp, compiled for this machine, runs the models. It needs no network once it is there.",
            themes,
        )
        self._presenter = presenter
        self._failed: EngineWords | None = None
        self.state_card = StateCard(themes)
        self.state_card.build.clicked.connect(self.build)
        self.job = JobCard("Building the local engine", themes)
        self.job.cancelled.connect(lambda: presenter.spawn(presenter.cancel_build()))
        self.log = LogCard(themes)
        self.refused = Label("", themes, "caption", "down", wrap=True)
        self.failure: ErrorCard | None = None
        self._failure_place = QVBoxLayout()
        self.column.addWidget(self.state_card)
        self.column.addWidget(self.job)
        self.column.addLayout(self._failure_place)
        self.column.addWidget(self.refused)
        self.column.addWidget(self.log)
        self.column.addStretch(1)

    def build(self) -> None:
        """Build the engine, again if need be."""
        self._presenter.spawn(self._presenter.build_engine())

    def narrow(self, wanted: str) -> bool:
        """Found by its own words; it has no rows to leave out."""
        words = f"{self.title} llama.cpp build again compile cmake engine".casefold()
        return all(word in words for word in wanted.casefold().split())

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        engine = state.engine
        kind = engine.state if engine is not None else None
        words = of_engine(engine)
        self.state_card.setVisible(kind not in (EngineState.BUILDING, EngineState.FAILED))
        self.state_card.show_words(words)
        self.state_card.build.setVisible(kind is EngineState.MISSING)
        self.job.setVisible(kind is EngineState.BUILDING)
        if engine is not None and kind is EngineState.BUILDING:
            self.job.show_progress(build_share(engine), words.line)
            self.job.set_cancellable(state.can_cancel_build)
        self._show_failure(words if kind is EngineState.FAILED else None)
        self.refused.setText(state.engine_error)
        self.refused.setVisible(bool(state.engine_error))
        self.log.show_lines(engine.log_tail if engine is not None and kind is EngineState.FAILED else ())
        self._lock(state)

    def _show_failure(self, words: EngineWords | None) -> None:
        """Make the card anew only when its words are others, so that the keyboard keeps its place."""
        if self.failure is not None and words != self._failed:
            self.failure.hide()
            self.failure.deleteLater()
            self.failure = None
        if words is not None and self.failure is None:
            self.failure = ErrorCard(
                words.title, [words.line, KEPT], [("Build again", self.build)], self._themes
            )
            self._failure_place.addWidget(self.failure)
        self._failed = words

    def _lock(self, state: SettingsState) -> None:
        because = "" if state.connected else state.locked_because
        buttons: list[QWidget] = [self.state_card.build]
        if self.failure is not None:
            buttons += self.failure.findChildren(QPushButton)
        for button in buttons:
            button.setEnabled(not because)
            button.setToolTip(because)
