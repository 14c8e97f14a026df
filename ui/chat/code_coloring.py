"""Colours finished code some lines at a time, so that no frame gets long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ui.chat.code_blocks import CodeBlock
    from ui.chat.highlight import Highlighter

COLORED_LINES_PER_STEP = 60


class CodeColoring(QObject):
    """Takes code blocks and colours them while the loop has nothing else to do."""

    def __init__(self, highlighter: Highlighter, parent: QObject) -> None:
        super().__init__(parent)
        self._highlighter = highlighter
        self._waiting: list[Iterator[None]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._color_some)

    @property
    def is_active(self) -> bool:
        """Code is still being coloured."""
        return self._timer.isActive()

    def add(self, codes: Iterable[CodeBlock]) -> None:
        """Colour these after those that wait already."""
        for code in codes:
            self._waiting.append(code.color_steps(self._highlighter, COLORED_LINES_PER_STEP))
        if self._waiting and not self._timer.isActive():
            self._timer.start()

    def clear(self) -> None:
        """The document of what waits is gone."""
        self._waiting.clear()

    def _color_some(self) -> None:
        while self._waiting:
            try:
                next(self._waiting[0])
            except StopIteration:
                self._waiting.pop(0)
                continue
            return
        self._timer.stop()
