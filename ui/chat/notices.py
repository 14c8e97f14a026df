"""Cards over the composer: why a request failed, and how a build, an export or an import goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from backend_embedded.contract.errors import ErrorCode
from backend_embedded.contract.models import EngineState
from ui.chat import failures
from ui.chat.welcome import build_progress
from ui.widgets import ErrorCard, JobCard

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend_embedded.contract.errors import ErrorBody
    from backend_embedded.contract.models import Engine
    from ui.chat.state import ChatState
    from ui.theme import ThemeSource


class Notices(QWidget):
    """Shows the cards that the state asks for; nothing when all is well."""

    build_wanted = Signal()
    cancel_wanted = Signal()
    move_cancelled = Signal()
    dismissed = Signal()
    log_wanted = Signal()
    reload_wanted = Signal()

    def __init__(self, themes: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._shown: tuple[object, ...] = ()
        self._job = JobCard("Building the local engine", themes)
        self._job.cancelled.connect(self.cancel_wanted)
        self._move: JobCard | None = None
        self._moving = ""
        self._cards: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(self._job)
        self._job.hide()
        self.hide()

    def show_state(self, state: ChatState, *, engine_told: bool = False) -> None:
        """Show what this state asks for; nothing of the engine when the page tells of it elsewhere."""
        engine = None if engine_told else state.engine
        building = engine is not None and engine.state is EngineState.BUILDING
        if engine is not None and building:
            share = engine.step / engine.steps if engine.steps else None
            self._job.show_progress(share, build_progress(engine))
        self._job.setVisible(building)
        broken = engine if engine is not None and self._is_broken(engine) else None
        failure, unread = state.failure, state.transcript.error
        wanted: tuple[object, ...] = (broken, failure, unread)
        if wanted != self._shown:
            self._shown = wanted
            self._rebuild(broken, failure, unread)
        self._show_move(state)
        self.setVisible(building or bool(self._cards) or self._move is not None)

    def _show_move(self, state: ChatState) -> None:
        """The export or import that goes on."""
        move = state.moving
        if self._move is not None and (move is None or move.title != self._moving):
            self._move.hide()
            self._move.deleteLater()
            self._move = None
        if move is not None and self._move is None:
            self._moving = move.title
            self._move = JobCard(move.title, self._themes)
            self._move.cancelled.connect(self.move_cancelled)
            self._column.insertWidget(0, self._move)
        if move is not None and self._move is not None:
            self._move.show_progress(None, move.caption)

    def _rebuild(self, broken: Engine | None, failure: ErrorBody | None, unread: ErrorBody | None) -> None:
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards.clear()
        if broken is not None:
            words = "Build now" if broken.state is EngineState.MISSING else "Build again"
            self._add(failures.of_build(broken), [(words, self.build_wanted.emit), self._log()])
        if failure is not None and not (broken and failure.code is ErrorCode.ENGINE_MISSING):
            actions = [("Dismiss", self.dismissed.emit), self._log()]
            self._add(failures.of_request(failure), actions)
        if unread is not None:
            self._add(failures.of_request(unread), [("Try again", self.reload_wanted.emit), self._log()])

    def _log(self) -> tuple[str, Callable[[], object]]:
        return "Show log", self.log_wanted.emit

    def _add(self, failure: failures.Failure, actions: list[tuple[str, Callable[[], object]]]) -> None:
        card = ErrorCard(failure.title, failure.lines, actions, self._themes, self)
        self._column.addWidget(card)
        self._cards.append(card)

    @staticmethod
    def _is_broken(engine: Engine) -> bool:
        return engine.state in (EngineState.MISSING, EngineState.FAILED)
