"""Binds the shortcuts of the action table to a window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from ui.shell.actions import Action, ActionTable


class Shortcuts(QObject):
    """One key binding for each shortcut; which action it means is asked when it is pressed.

    Args:
        table: the actions.
        window: where the keys work.
        page: key of the page that is shown.
    """

    def __init__(self, table: ActionTable, window: QWidget, page: Callable[[], str]) -> None:
        super().__init__(window)
        self._table = table
        self._window = window
        self._page = page
        self._bound: dict[str, QShortcut] = {}
        table.listen(self._bind)
        self._bind()

    def _bind(self) -> None:
        for action in self._table.fixed():
            if action.shortcut and action.shortcut not in self._bound:
                shortcut = QShortcut(QKeySequence(action.shortcut), self._window)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(lambda keys=action.shortcut: self._pressed(keys))
                self._bound[action.shortcut] = shortcut

    def _pressed(self, keys: str) -> None:
        action = self._meant(keys)
        if action is not None:
            self._table.run(action)

    def _meant(self, keys: str) -> Action | None:
        found = [action for action in self._table.available(self._page()) if action.shortcut == keys]
        return found[0] if found else None
