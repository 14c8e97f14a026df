"""Puts older messages over the shown ones some at a time, so that scrolling does not stop for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from backend_embedded.contract.conversations import Message

AT_ONCE = 1
PAUSE_MS = 8


class AboveSteps(QObject):
    """`show` is called again, with more of the messages, until all are shown."""

    def __init__(self, show: Callable[[Sequence[Message], frozenset[UUID]], None], parent: QObject) -> None:
        super().__init__(parent)
        self._show = show
        self._rest: tuple[Sequence[Message], frozenset[UUID]] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.step)

    @property
    def is_active(self) -> bool:
        """Messages wait to be shown."""
        return self._rest is not None

    def limited(
        self, messages: Sequence[Message], live: Collection[UUID], shown: Sequence[UUID]
    ) -> Sequence[Message]:
        """Of these messages, the ones to be shown now; the rest follows by itself."""
        self._rest = None
        above = len(messages) - len(shown)
        grown = shown and above > AT_ONCE and [m.id for m in messages[above:]] == list(shown)
        if not grown:
            return messages
        self._rest = (messages, frozenset(live))
        self._timer.start()
        return messages[above - AT_ONCE :]

    def step(self) -> None:
        """Show some more."""
        if self._rest is not None:
            self._show(*self._rest)
