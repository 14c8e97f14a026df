"""Keeps a view at its end while text arrives, until the user scrolls away."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QScrollBar

NEAR_END = 8
"""Pixels from the bottom within which the view follows new text."""
LOAD_ABOVE = 400
"""Pixels from the top at which older messages are asked for."""


class EndFollower(QObject):
    """Watches a scroll bar and moves it to its end as long as it follows."""

    following_changed = Signal(bool)
    near_top = Signal()
    """The user came near the top."""

    def __init__(self, bar: QScrollBar) -> None:
        super().__init__(bar)
        self._bar = bar
        self._following = True
        self._by_user = False
        bar.valueChanged.connect(self._scrolled)
        bar.actionTriggered.connect(self._user_scrolls)
        bar.rangeChanged.connect(self._range_changed)

    @property
    def following(self) -> bool:
        """The view stays at the end when text arrives."""
        return self._following

    def begin_anew(self) -> None:
        """Something else is shown: it is followed, and nobody need be told."""
        self._following = True

    def to_end(self) -> None:
        """Go to the end and follow it again."""
        self._set_following(True)
        self.keep_end()

    def keep_end(self) -> None:
        """Go to the end, if it is followed."""
        if self._following:
            self._bar.setValue(self._bar.maximum())

    def ask_above(self) -> None:
        """Say that the top is near, if it is."""
        if self._bar.value() < LOAD_ABOVE:
            self.near_top.emit()

    @contextmanager
    def by_user(self, yes: bool = True) -> Iterator[None]:
        """What the bar does meanwhile, the user does."""
        self._by_user = yes
        yield
        self._by_user = False

    def _scrolled(self, value: int) -> None:
        # Only the user leaves the end; layout and new text move the bar too, and mean nothing.
        if value >= self._bar.maximum() - NEAR_END:
            self._set_following(True)
        elif self._by_user:
            self._set_following(False)
        if self._by_user:
            self.ask_above()
        self._by_user = False

    def _range_changed(self, _low: int, _high: int) -> None:
        self.keep_end()

    def _user_scrolls(self, _action: int) -> None:
        self._by_user = True

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)
